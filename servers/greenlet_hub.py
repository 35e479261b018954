"""Greenlets: each client has a stack of its own; a call deep in it switches to the hub, by hand.

What waits       the hub, in epoll_wait(), for all clients; each one's stack is laid aside.
Served meanwhile whoever is ready: one runs at a time, until its recv() or send() has to wait.
One more client  costs a stack, of which the used part is kept, and one epoll_ctl().
Breaks           where a call blocks. greenlet switches and no more: the rest is what gevent adds.
"""

import select
import socket
from select import EPOLLIN, EPOLLOUT
from typing import Any

from greenlet import greenlet

from servers.core.contract import NewConnection
from servers.core.converse import converse


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    listener.setblocking(False)
    door = listener.fileno()
    clients: dict[int, Client] = {}  # by descriptor
    poller = select.epoll()
    poller.register(door, EPOLLIN)
    while True:
        for fd, _ in poller.poll():
            if fd != door:
                clients[fd].greenlet.switch()
                continue
            try:
                accepted, _ = listener.accept()
            except BlockingIOError:
                continue
            client = Client(accepted, poller, clients)
            client.greenlet.switch(client, new_connection)


class Client(socket.socket):
    """A socket that lays its greenlet aside where it would block; converse() does not notice."""

    def __init__(
        self, accepted: socket.socket, poller: select.epoll, clients: dict[int, "Client"]
    ) -> None:
        super().__init__(fileno=accepted.detach())
        self.setblocking(False)
        self.greenlet = greenlet(converse)  # its parent is the hub, there it goes when it ends
        self.poller, self.clients, self.waits_for = poller, clients, EPOLLIN
        poller.register(self, EPOLLIN)
        clients[self.fileno()] = self

    def wait(self, event: int) -> None:
        if event != self.waits_for:
            self.poller.modify(self, event)
            self.waits_for = event
        self.greenlet.parent.switch()

    def recv(self, size: int, flags: int = 0) -> bytes:
        while True:
            self.wait(EPOLLIN)
            try:
                return super().recv(size, flags)
            except BlockingIOError:
                pass  # "ready" is a hint only, select(2) BUGS

    def sendall(self, data: Any, flags: int = 0) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self.send(rest, flags) :]
            except BlockingIOError:
                self.wait(EPOLLOUT)

    def settimeout(self, seconds: float | None) -> None:
        """No limit: others go on while this one waits."""

    def close(self) -> None:
        del self.clients[self.fileno()]
        super().close()
