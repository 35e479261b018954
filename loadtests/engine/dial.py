"""How a connection comes about, and how it ends.

A link is a dial that asks (see `link`); this half knows nothing of requests.
"""

import errno
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from loadtests.engine.loop import READ, WRITE
from loadtests.engine.sources import IP_BIND_ADDRESS_NO_PORT

if TYPE_CHECKING:
    from loadtests.engine.group import Group

Handler = Callable[[], None]
LEAST_READ, MOST_READ = 4096, 262144  # bytes per recv(); CPython allocates them each time
now_ns = time.monotonic_ns


def nothing() -> None:
    """Handle an event that is of no interest any more."""


class Dial:
    """A connection of a group; `fd` is -1 while there is no socket. up: counted as held."""

    __slots__ = ("called", "fd", "group", "heard", "recv", "send", "size", "sock", "up")

    def __init__(self, group: "Group") -> None:
        self.group = group
        self.fd = -1
        self.up = False
        self.called = 0  # ns, when connect() was
        self.size = min(max(LEAST_READ, group.reply_bytes + 1), MOST_READ)

    def connect(self) -> None:
        """Begin to connect; goes on in `ready` or in `unconnected`."""
        group = self.group
        self.sock = socket.socket(group.family, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.fd = self.sock.fileno()
        self.recv, self.send = self.sock.recv, self.sock.send
        self.bind()
        self.called = now_ns()
        error = self.sock.connect_ex(group.address)
        if error not in (0, errno.EINPROGRESS):
            self.close()
            self.unconnected("no-port" if error == errno.EADDRNOTAVAIL else "refused")
            return
        group.loop.watch(self.fd, self.on_connected, WRITE)

    def bind(self) -> None:
        """Take the next of the group's source addresses, if it has any; see `sources`."""
        source = next(self.group.sources, "")
        if source:
            self.sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            self.sock.bind((source, 0))

    def on_connected(self) -> None:
        if self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.close()
            self.unconnected("refused")
            return
        group = self.group
        group.ledger.connected(now_ns(), self.called)
        if not group.client.hello:
            group.loop.rewatch(self.fd, self.listener(), READ)
            self.ready()
            return
        self.heard = b""
        group.loop.rewatch(self.fd, self.on_welcome, READ)
        with suppress(OSError):  # a reset shows again in the answer; the buffer is empty
            self.send(group.client.hello)

    def on_welcome(self) -> None:
        try:
            data = self.recv(self.size)
            self.heard += data
            whole = self.group.client.welcome(self.heard)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            self.unconnected("reset")
        except ValueError:
            self.close()
            self.unconnected("wrong")
        else:
            if whole:
                self.group.loop.handlers[self.fd] = self.listener()
                self.ready()
            elif not data:
                self.close()
                self.unconnected("closed")

    @property
    def connecting(self) -> bool:
        """Not yet connected, or not yet welcome."""
        handler = self.group.loop.handlers.get(self.fd)
        return self.fd >= 0 and handler in (self.on_connected, self.on_welcome)

    def ease(self) -> None:
        """The load is over; what is on the way may still come."""

    def mute(self) -> None:
        """Hear nothing of it any more; it stays open."""
        self.group.loop.epoll.unregister(self.fd)
        self.group.loop.handlers[self.fd] = nothing  # the batch may hold an event of it

    def listener(self) -> Handler:
        """What hears the first bytes after the welcome, and of each reply."""
        raise NotImplementedError

    def ready(self) -> None:
        """Connected, and welcome."""
        raise NotImplementedError

    def unconnected(self, kind: str) -> None:
        """No connection came about; the socket is closed already."""
        raise NotImplementedError

    def close(self) -> None:
        if self.fd >= 0:
            self.group.loop.handlers.pop(self.fd, None)  # not there if connect() failed at once
            self.sock.close()
            self.fd = -1
            self.group.held -= self.up
            self.up = False
