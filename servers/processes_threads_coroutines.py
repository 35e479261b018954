"""All of it: processes for the cores, threads in each, coroutines in each thread.

What waits       each thread's own hub, in epoll_wait(), for its share of the clients.
Served meanwhile whoever is ready, in as many processes at once as there are; in each of them one
                 thread runs Python, the other gets its turn when that one is in a system call.
One more client  costs a greenlet in one thread, and a wake in every thread when it comes: all hubs
                 watch the one listener, one has it, the others find nothing (a thundering herd).
Breaks           by chance: whoever accepts keeps the client, however busy it gets.
"""

import socket
from functools import partial
from threading import Thread

import gevent
from gevent.socket import socket as GreenSocket  # noqa: N812 a class
from gevent.socket import wait_read

from servers.core.children import keep
from servers.core.contract import NewConnection
from servers.core.converse import converse

THREADS = 2  # in each process: one can run while the other's system call is on; the GIL has no more


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    listener.setblocking(False)
    keep([partial(serve_in_threads, listener, new_connection)] * workers)


def serve_in_threads(listener: socket.socket, new_connection: NewConnection) -> None:
    for _ in range(THREADS - 1):
        Thread(target=serve_in_greenlets, args=(listener, new_connection), daemon=True).start()
    serve_in_greenlets(listener, new_connection)


def serve_in_greenlets(listener: socket.socket, new_connection: NewConnection) -> None:
    """What gevent_patched does, but nothing is patched: a Thread shall stay a thread."""
    run = gevent.get_hub().threadpool.apply  # each thread has a hub of its own
    while True:
        wait_read(listener.fileno())
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            continue  # another one's client by now
        gevent.spawn(converse, GreenSocket(fileno=client.detach()), new_connection, run)
