"""Connections that take their time: who sends a request in pieces, or reads a reply in pieces.

Both are kept, and ask again when answered. What they have not finished when the load ends is
`abandoned`: the slowness is ours, so it is no failure of the server.
"""

import socket
from typing import TYPE_CHECKING

from loadtests.engine.dial import Handler, now_ns
from loadtests.engine.lives import Kept
from loadtests.engine.loop import READ, WRITE
from loadtests.engine.thinking import Think

if TYPE_CHECKING:
    from loadtests.engine.group import Group


class Staggered(Think):
    """No pause, but they begin one after the other: in step, all pieces would go at one instant."""

    def pause(self, link: object) -> int:
        del link
        return 0


class SlowSender(Kept):
    """Each request goes out `piece` bytes every `every`. The service time begins with the first.

    due: when the next piece is; whatever rings at another time is of a request that has failed.
    """

    __slots__ = ("due",)

    def transmit(self, request: bytes) -> None:
        self.rest = memoryview(request)
        self.due = self.sent
        self.next_piece(self.due)

    def next_piece(self, due: int) -> None:
        """Send one; where the kernel has no room the server does not read: it stays for later."""
        if due != self.due or not self.rest:
            return
        group = self.group
        try:
            taken = self.send(self.rest[: group.load.piece])
        except BlockingIOError:
            taken = 0
        except OSError:
            return  # its own handler will hear of it; the batch may hold its event already
        self.rest = self.rest[taken:]
        if self.rest:
            self.due = max(due + group.every, now_ns())
            group.pacer.later(self.due, self.next_piece)

    def listener(self) -> Handler:
        return self.on_rest  # echo answers each piece

    def ease(self) -> None:
        if self.rest:
            self.forsake()
            self.mute()


class SlowReader(Kept):
    """Each reply is read `piece` bytes every `every`, the first when it comes.

    So little fits into the kernel's buffer that the server must wait, and not just once: with a
    reply of more than some hundred KiB, or many of them, its own buffer is full, too.
    """

    __slots__ = ("due",)

    def __init__(self, group: "Group", number: int) -> None:
        super().__init__(group, number)
        self.size = group.load.piece
        self.due = 0

    def bind(self) -> None:
        """The window is agreed upon when connecting, so it is made small before: tcp(7)."""
        super().bind()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.size)

    def begin(self, intended: int) -> int:
        self.group.loop.rewatch(self.fd, self.on_reply, READ)
        return super().begin(intended)

    def listener(self) -> Handler:
        return self.on_reply

    def on_reply(self) -> None:
        """The reply has begun to come."""
        self.read(now_ns())

    def on_room(self) -> None:
        """As usual, but a reply that comes before the request is sent is not read any faster."""
        try:
            self.rest = self.rest[self.send(self.rest) :]
        except BlockingIOError:
            if not self.got:
                self.read(now_ns())
        except OSError:
            self.fail("reset")
        else:
            self.listen()

    def on_hung(self) -> None:
        """Both sides are shut, which we did not do."""
        self.fail("reset")

    def next_piece(self, due: int) -> None:
        """Let its own handler read; the batch may hold an event of this one."""
        if due == self.due and self.got and self.fd >= 0:
            mask = READ | (WRITE if self.rest else 0)
            self.group.loop.rewatch(self.fd, self.on_due, mask)

    def on_due(self) -> None:
        self.read(max(self.due, now_ns() - self.group.every))

    def read(self, due: int) -> None:
        """Read one piece, now; the next one is due `every` after `due`."""
        group, sent = self.group, self.sent
        self.on_rest()
        if not self.got or self.sent != sent or self.fd < 0:
            return  # nothing came; or the reply is whole, or the connection lost
        if group.pacer.stopped:
            self.ease()
            return
        self.due = due + group.every
        self.listen()
        group.pacer.later(self.due, self.next_piece)

    def listen(self) -> None:
        """Hear what is to be heard now: of a reply that is being read, nothing."""
        reading = self.on_hung if self.got else self.on_reply
        mask = (0 if self.got else READ) | (WRITE if self.rest else 0)
        self.group.loop.rewatch(self.fd, self.on_room if self.rest else reading, mask)

    def ease(self) -> None:
        if self.got:
            self.forsake()
            self.mute()
