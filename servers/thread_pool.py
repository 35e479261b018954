"""Thread pool: a fixed number of threads, and a queue of clients that wait for one.

What waits       each thread in recv() or send() for its client, or at the queue for the next one.
Served meanwhile as many clients as there are threads; the others are accepted, queued, and unheard.
One more client  costs an entry in the queue: no thread is started for it, and none ends with it.
Breaks           with as many silent clients as threads: they have them all.
"""

import socket
from concurrent.futures import ThreadPoolExecutor

from servers.core.contract import NewConnection
from servers.core.converse import converse


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    pool = ThreadPoolExecutor(workers)  # as in the notes; it starts a thread when it lacks one
    while True:
        client, _ = listener.accept()
        pool.submit(converse, client, new_connection)
