"""Process pool: one process accepts, and a fixed number of others take the clients from a queue.

What waits       each process in recv() or send() for its client, or at the queue for the next one.
Served meanwhile as many clients as there are processes; the others are queued, and unheard.
One more client  costs a message that carries its descriptor, SCM_RIGHTS in unix(7), and no fork.
Breaks           with as many silent clients as processes: they have them all.
"""

import socket
from functools import partial

from servers.core.children import fork, reap_as_they_end
from servers.core.contract import NewConnection, refuse
from servers.core.converse import converse


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    theirs, queue = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reap_as_they_end()
    for _ in range(workers):
        fork(partial(work, listener, theirs, new_connection))
    while True:
        client, _ = listener.accept()
        try:
            socket.send_fds(queue, [b"."], [client.fileno()])  # waits when some hundred are queued
        except OSError:  # ETOOMANYREFS: as many are on their way as a process may have open
            refuse(client)
        client.close()


def work(listener: socket.socket, queue: socket.socket, new_connection: NewConnection) -> None:
    listener.close()  # whoever holds it open keeps the port
    while True:
        _, descriptors, _, _ = socket.recv_fds(queue, 1, 1)  # whichever process is free
        for descriptor in descriptors:
            converse(socket.socket(fileno=descriptor), new_connection)
