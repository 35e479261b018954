"""Prefork: a fixed number of processes, each of which accepts for itself from the one listener.

What waits       each process in accept() for a client, then in recv() and send() for this one.
Served meanwhile as many clients as there are processes; the others sit in the one backlog, and the
                 first process that is free takes the next: the kernel wakes one sleeper for each.
One more client  costs nothing but its place in the backlog.
Breaks           with as many silent clients as processes: they have them all.
"""

import socket
from functools import partial

from servers.blocking import serve as serve_one_by_one
from servers.core.children import keep
from servers.core.contract import NewConnection


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    keep([partial(serve_one_by_one, listener, new_connection, 1)] * workers)
