"""processes that nobody waits for."""

import os

from servers.core.converse import converse


def serve(listener, new_connection, workers):
    while True:
        client, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            converse(client, new_connection)
            os._exit(0)
        client.close()
