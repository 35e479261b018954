"""Thread per connection: blocking code, as many waits as clients.

What waits       each client's own thread in recv() or send(); the main thread in accept().
Served meanwhile everybody: a thread wakes when its bytes have come; Python runs one at a time.
One more client  costs a thread: a stack (8 MiB of addresses, a few pages of memory) and its start.
Breaks           at the thread limit: that client is refused. Before, in switches between threads.
"""

import socket
from threading import Thread

from servers.core.contract import NewConnection, refuse
from servers.core.converse import converse


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers  # one thread per client, however many come
    while True:
        client, _ = listener.accept()
        try:
            Thread(target=converse, args=(client, new_connection), daemon=True).start()
        except RuntimeError:  # "can't start new thread"
            refuse(client)
