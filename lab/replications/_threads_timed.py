"""The lab's server with a thread per connection, which gives up who is silent for five seconds.

Run by `timeouts-reorder`; everything but settimeout() is as in servers/threads.py. With a timeout
Python asks poll() before each recv() that would wait, and before each send() that would.
"""

import socket
from threading import Thread

from servers.core.contract import NewConnection, refuse
from servers.core.converse import converse

TIMEOUT_S = 5.0


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    while True:
        client, _ = listener.accept()
        client.settimeout(TIMEOUT_S)
        try:
            Thread(target=converse, args=(client, new_connection), daemon=True).start()
        except RuntimeError:
            refuse(client)
