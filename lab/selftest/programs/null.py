"""The least that answers: echo in one epoll loop, no protocol, no channel, no partial sends.

Not one of the lab's servers and no example: it exists to find out what the load engine can do.
"""

import select
import socket
from collections.abc import Callable

from servers.core.contract import GONE, RECEIVE_SIZE, NewConnection

READ = select.EPOLLIN


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del new_connection, workers
    listener.setblocking(False)
    poller = select.epoll()
    door = listener.fileno()
    poller.register(door, READ)
    clients: dict[int, socket.socket] = {}
    talks: dict[int, tuple[Callable[[int], bytes], Callable[[bytes], int]]] = {}
    while True:
        for fd, _ in poller.poll():
            if fd == door:
                welcome(listener, poller, clients, talks)
                continue
            recv, send = talks[fd]
            try:
                data = recv(RECEIVE_SIZE)
                if data:
                    send(data.upper())
                    continue
            except GONE:
                pass
            del talks[fd]
            clients.pop(fd).close()


def welcome(
    listener: socket.socket,
    poller: select.epoll,
    clients: dict[int, socket.socket],
    talks: dict[int, tuple[Callable[[int], bytes], Callable[[bytes], int]]],
) -> None:
    """Take all in that wait."""
    try:
        while True:
            client, _ = listener.accept()
            client.setblocking(False)
            fd = client.fileno()
            clients[fd] = client
            talks[fd] = client.recv, client.send
            poller.register(fd, READ)
    except BlockingIOError:
        pass
