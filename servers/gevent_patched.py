"""gevent, patched: the code of the blocking servers, on greenlets, with the hub inside the socket.

What waits       the hub, in epoll_wait(), for all clients; each greenlet, as it sees it, in recv().
Served meanwhile whoever is ready: a recv() with nothing to read switches to the hub by itself, and
                 so does sleep(): a job that waits needs no other thread.
One more client  costs a greenlet: a stack, of which the used part is kept, and two watchers.
Breaks           where code waits unpatched, or computes: nobody else gets a turn. Nor does anybody
                 while a client sends faster than it is read: a recv() that finds bytes goes on.
"""

import socket

import gevent
from gevent import monkey
from gevent.socket import wait_read

from servers.core.contract import NewConnection
from servers.core.converse import converse


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    # The listener is older, and stays as it was; whom it accepts is patched. os is left alone, as
    # its close() would wait for the hub: a full descriptor table needs room at once.
    monkey.patch_all(os=False, signal=False)
    listener.setblocking(False)
    while True:
        wait_read(listener.fileno())
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            continue
        gevent.spawn(converse, client, new_connection)
