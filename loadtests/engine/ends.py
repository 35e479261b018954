"""How a connection ends by plan: a short one after its reply, a long one after so many.

close        FIN, as everybody does
half-close   FIN right behind the last request: the server must still answer, and then hang up
reset        RST behind the last reply
abandon      in the middle of the last reply, of which half is read; what was not read makes the
             kernel send RST. That request is `abandoned`, which is no failure of the server

A long one is opened again at once. `renewing` counts those that have ended and are not back yet.
"""

import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from loadtests.engine.dial import MOST_READ, Handler, now_ns
from loadtests.engine.link import Link
from loadtests.engine.lives import Brief, Kept
from loadtests.engine.replies import WrongReply

if TYPE_CHECKING:
    from loadtests.engine.group import Group

PATIENCE = 1_000_000_000  # ns until a server that owes only its FIN is not waited for any longer
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER, socket(7): close() sends RST


class Ending(Link):
    """left: requests until the end, the one under way included. shut: our FIN has been sent."""

    __slots__ = ("left", "shut", "until")

    left: int
    shut: bool

    @property
    def abandons(self) -> bool:
        return self.left == 1 and self.group.load.ends == "abandon"

    # ── the last request ──

    def transmit(self, request: bytes) -> None:
        super().transmit(request)
        self.say_goodbye()

    def on_room(self) -> None:
        super().on_room()
        self.say_goodbye()

    def say_goodbye(self) -> None:
        """Half-close, once the last request is wholly sent."""
        sent = self.reply is not None and not self.rest
        if sent and self.left == 1 and self.group.load.ends == "half-close" and not self.shut:
            self.shut = True
            with suppress(OSError):  # a reset shows again in the answer
                self.sock.shutdown(socket.SHUT_WR)

    # ── its reply ──

    def listener(self) -> Handler:
        return self.on_part if self.abandons else super().listener()

    def on_rest(self) -> None:
        if self.abandons:
            self.on_part()
        else:
            super().on_rest()

    def on_part(self) -> None:
        """Read the first half of the reply, and go."""
        try:
            data = self.recv(max(1, min(self.group.reply_bytes // 2, MOST_READ)))
        except BlockingIOError:
            return
        except OSError:
            self.fail("reset")
            return
        if not data:
            self.fail("closed")
            return
        self.got = len(data)
        try:
            self.is_whole(data, 0)
        except WrongReply:
            self.fail("wrong")
            return
        self.forsake()
        self.part(now_ns())

    def complete(self, now: int) -> None:
        if self.left > 1:
            self.left -= 1
            super().complete(now)
            return
        Link.complete(self, now)
        self.left = 0
        if self.shut:
            self.until = now + PATIENCE
            self.group.loop.handlers[self.fd] = self.on_end
            self.group.pacer.later(self.until, self.lose_patience)
        else:
            self.part(now)

    # ── the end ──

    def on_end(self) -> None:
        """The server has hung up; or has said more than its reply, or reset us: then it is lost."""
        try:
            lost = bool(self.recv(self.size))
        except BlockingIOError:
            return
        except OSError:
            lost = True
        self.group.lost += lost
        self.close()
        self.over(now_ns())

    def lose_patience(self, due: int) -> None:
        """Hang up on a server that does not. Not here: the batch may hold an event of this one."""
        if due == self.until and self.fd >= 0:
            self.group.unfinished += 1
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RD)  # now its own handler finds the end of the file

    def part(self, now: int) -> None:
        if self.group.load.ends == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.close()
        self.over(now)

    def over(self, now: int) -> None:
        """The connection has ended as planned."""
        raise NotImplementedError


class Rounds(Ending, Kept):
    """A long one that ends after so many replies. renews: has ended, and is not back yet."""

    __slots__ = ("renews",)

    def __init__(self, group: "Group", number: int) -> None:
        super().__init__(group, number)
        self.renews = False

    def connect(self) -> None:
        self.left, self.shut, self.until = self.group.load.requests, False, 0
        super().connect()

    def ready(self) -> None:
        self.group.replaced += self.renewed()
        super().ready()

    def unconnected(self, kind: str) -> None:
        self.renewed()
        super().unconnected(kind)

    def renewed(self) -> bool:
        """Whether an end by plan was the reason to connect; asked once each time."""
        asked, self.renews = self.renews, False
        self.group.renewing -= asked
        return asked

    def begin(self, intended: int) -> int:
        if self.abandons:
            self.group.loop.handlers[self.fd] = self.on_part
        return super().begin(intended)

    def part(self, now: int) -> None:
        if self.group.running:
            super().part(now)
        else:
            self.mute()  # it is held until others have counted, too

    def over(self, now: int) -> None:
        del now
        if self.group.running:
            self.renews = True
            self.group.renewing += 1
            self.connect()


class Single(Ending, Brief):
    """A short one that ends in another way than by close()."""

    __slots__ = ()

    def connect(self) -> None:
        self.left, self.shut, self.until = 1, False, 0
        super().connect()

    def over(self, now: int) -> None:
        self.group.pacer.free(self, now)
