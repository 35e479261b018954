"""gevent, and the patch forgotten: greenlets without number, and one client at a time.

What waits       the only thread, in the recv(), send() or accept() of whichever greenlet runs.
Served meanwhile nobody: an ordinary socket does not tell the hub that it waits, so no other
                 greenlet gets a turn until this client has left.
One more client  costs its place in the backlog, and the patience of those who wait there.
Breaks           with one silent client. The notes: patch_all() must come before what it patches.
"""

import socket

import gevent

from servers.core.contract import NewConnection
from servers.core.converse import converse


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    while True:
        client, _ = listener.accept()
        gevent.spawn(converse, client, new_connection)
        gevent.sleep()  # or nobody would be served at all: accept() lets no greenlet run either
