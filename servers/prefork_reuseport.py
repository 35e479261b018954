"""Prefork with SO_REUSEPORT: a fixed number of processes, each with a listener of its own.

What waits       each process in accept() for a client, then in recv() and send() for this one.
Served meanwhile a client of each process; but the kernel chose the process by a hash of addresses,
                 and whoever sits in the backlog of a busy one waits, though another may be free.
One more client  costs nothing but its place in that backlog; the listeners share no lock.
Breaks           with one silent client: a share of all that come waits for it.
"""

import socket
from functools import partial

from servers.blocking import serve as serve_one_by_one
from servers.core.children import keep
from servers.core.contract import NewConnection
from servers.core.listener import twin


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    listeners = [listener, *(twin(listener) for _ in range(workers - 1))]
    keep([partial(serve_one_by_one, one, new_connection, 1) for one in listeners])
