"""One client connection: how it connects, asks, checks the answer and fails.

What it does next, and when, is its pacer's business; `lives` has the ways to live. While a reply is
due, `reply` is what must come; at all other times it is None, which no data equals.
"""

import errno
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from loadtests.engine.loop import READ, WRITE

if TYPE_CHECKING:
    from loadtests.engine.group import Group

Handler = Callable[[], None]
LEAST_READ, MOST_READ = 4096, 262144  # bytes per recv(); CPython allocates them each time
now_ns = time.monotonic_ns


class Link:
    """A connection of a group; `fd` is -1 while there is no socket."""

    __slots__ = (
        "called",
        "fd",
        "first",
        "got",
        "group",
        "heard",
        "intended",
        "recv",
        "reply",
        "request",
        "rest",
        "send",
        "sent",
        "size",
        "sock",
        "turns",
        "up",
    )

    def __init__(self, group: "Group", number: int) -> None:
        self.group = group
        self.fd = -1
        self.up = False
        self.reply: bytes | None = None
        self.rest: bytes | memoryview = b""  # of the request, not taken by the kernel yet
        self.turns = group.turns(number)
        self.size = min(max(LEAST_READ, group.reply_bytes + 1), MOST_READ)
        self.intended = self.sent = self.first = self.got = self.called = 0

    # ── connecting ──

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
            self.unconnected("refused")
            return
        group.loop.watch(self.fd, self.on_connected, WRITE)

    def bind(self) -> None:
        """Choose the source address; the kernel's choice will do."""

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
        self.send(group.client.hello)  # into an empty buffer; a reset shows in the answer

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

    def ready(self) -> None:
        """Connected, and welcome."""
        raise NotImplementedError

    def unconnected(self, kind: str) -> None:
        """No connection came about; the socket is closed already."""
        raise NotImplementedError

    # ── asking ──

    def begin(self, intended: int) -> int:
        """Start the request that was due at `intended`; returns the time it was sent."""
        raise NotImplementedError

    def transmit(self, request: bytes) -> None:
        """Send; what the kernel does not take now follows when it will."""
        try:
            taken = self.send(request)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.fail("reset")
            return
        if taken < len(request):
            self.defer(request, taken)

    def defer(self, request: bytes, taken: int) -> None:
        self.rest = memoryview(request)[taken:]
        self.group.loop.rewatch(self.fd, self.on_room, READ | WRITE)

    def on_room(self) -> None:
        """Send on; or read first, if the server answers the first half before it takes the rest."""
        try:
            self.rest = self.rest[self.send(self.rest) :]
        except BlockingIOError:
            self.on_rest()
            return
        except OSError:
            self.fail("reset")
            return
        if not self.rest:
            handler = self.on_rest if self.got else self.listener()
            self.group.loop.rewatch(self.fd, handler, READ)

    # ── being answered ──

    def listener(self) -> Handler:
        """What hears the first bytes of a reply."""
        return self.on_reply

    def on_reply(self) -> None:
        try:
            data = self.recv(self.size)
        except BlockingIOError:
            return
        except OSError:
            self.fail("reset")
            return
        now = now_ns()
        if data == self.reply:
            self.first = now
            self.complete(now)
        else:
            self.on_piece(data, now)

    def on_rest(self) -> None:
        """Read on in a reply that comes in pieces."""
        try:
            data = self.recv(self.size)
        except BlockingIOError:
            return
        except OSError:
            self.fail("reset")
            return
        self.on_piece(data, now_ns())

    def on_piece(self, data: bytes, now: int) -> None:
        reply, got = self.reply, self.got
        if not data:
            self.fail("short" if got else "closed")
        elif reply is None or not reply.startswith(data, got) or self.is_early(got + len(data)):
            self.got += len(data)
            self.fail("wrong")
        else:
            self.first = self.first if got else now
            self.got += len(data)
            if self.got == len(reply):
                self.group.loop.handlers[self.fd] = self.listener()
                self.complete(now)
            elif not self.rest:
                self.group.loop.handlers[self.fd] = self.on_rest

    def is_early(self, got: int) -> bool:
        """The whole answer came before the whole question was sent: it cannot be one."""
        return bool(self.rest) and self.reply is not None and got == len(self.reply)

    def complete(self, now: int) -> None:
        """The right reply is whole."""
        self.group.ledger.add(now, self.intended, self.sent, self.first)
        self.group.flying -= 1
        self.reply = None
        self.got = 0

    # ── ending ──

    def fail(self, kind: str) -> None:
        """The connection is useless from now on, and so is the request on it, if there is one."""
        self.close()
        if self.reply is not None:
            self.group.failed(kind, self)
        self.reply = None
        self.rest = b""
        self.got = 0

    def close(self) -> None:
        if self.fd >= 0:
            del self.group.loop.handlers[self.fd]
            self.sock.close()
            self.fd = -1
            self.group.held -= self.up
            self.up = False
