"""Process per connection: blocking code, as many waits as clients, and no lock between them.

What waits       each client's own process in recv() or send(); the parent in accept().
Served meanwhile everybody, on as many CPUs as there are: no interpreter lock is shared.
One more client  costs a process: fork() copies the page tables, and the end is waited for, too.
Breaks           at the process limit: that client is refused. Before, in memory and in fork().
"""

import socket

from servers.core.children import fork, reap_as_they_end
from servers.core.contract import NewConnection, refuse
from servers.core.converse import converse


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers  # one process per client, however many come
    reap_as_they_end()

    while True:
        client, _ = listener.accept()

        def talk(client: socket.socket = client) -> None:
            listener.close()  # whoever holds it open keeps the port
            converse(client, new_connection)

        try:
            fork(talk)
        except OSError:  # EAGAIN: as many processes as the user may have
            refuse(client)
        client.close()  # the child has a copy: while ours is open, the client sees no end
