"""Blocking I/O (BIO): one client at a time, and every wait is a wait for that client.

What waits       the only thread: in accept() for a client, then in recv() and send() for this one.
Served meanwhile nobody. The others sit in the backlog: connected, by the kernel, and unheard.
One more client  costs no memory and no CPU here, and waits until all before it have hung up.
Breaks           with the first client that stays silent: it keeps the server for itself.
"""

import socket

from servers.core.contract import NewConnection
from servers.core.converse import converse


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers  # there is one, and it is this thread
    while True:
        client, _ = listener.accept()
        converse(client, new_connection)
