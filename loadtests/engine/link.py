"""One client connection: how it asks, checks the answer and fails.

What it does next, and when, is its pacer's business; `lives` has the ways to live. While a reply is
due, `reply` is what must come; at all other times it is None, which no data equals. A reply that
differs from it is wrong, unless the client has a judge: from there on it is a `reading`.
"""

from typing import TYPE_CHECKING

from loadtests.engine.dial import Dial, Handler, now_ns
from loadtests.engine.loop import READ, WRITE
from loadtests.engine.replies import Reading, WrongReply

if TYPE_CHECKING:
    from loadtests.engine.group import Group


class Link(Dial):
    """rest: of the request, what the kernel has not taken yet. got: bytes of the reply so far."""

    __slots__ = (
        "first",
        "got",
        "intended",
        "reading",
        "reply",
        "request",
        "rest",
        "sent",
        "stamped",
        "turns",
    )

    def __init__(self, group: "Group", number: int) -> None:
        super().__init__(group)
        self.reply: bytes | None = None
        self.reading: Reading | None = None
        self.rest: bytes | memoryview = b""
        self.turns = group.turns(number)
        self.intended = self.sent = self.first = self.got = 0

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

    def listener(self) -> Handler:
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
        got = self.got
        if not data:
            self.fail("short" if got else "closed")
            return
        self.got += len(data)
        try:
            whole = self.is_whole(data, got)
        except WrongReply:
            self.fail("wrong")
            return
        self.first = self.first if got else now
        if whole:
            if self.reading is not None:
                self.group.ledger.resize(self.got - self.group.reply_bytes)
                self.reading = None
            self.group.loop.handlers[self.fd] = self.listener()
            self.complete(now)
        elif not self.rest:
            self.group.loop.handlers[self.fd] = self.on_rest

    def is_whole(self, data: bytes, got: int) -> bool:
        """Whether the reply ends with these bytes. Raises WrongReply."""
        reply = self.reply
        if reply is None:
            raise WrongReply("nobody has asked")
        if self.reading is None and reply.startswith(data, got):
            whole = self.got == len(reply)
        else:
            whole = self.judge(reply, data, got)
        if whole and self.rest:
            raise WrongReply("the whole answer, before the whole question was sent")
        return whole

    def judge(self, reply: bytes, data: bytes, got: int) -> bool:
        """Read on by what it says. Raises WrongReply."""
        judge = self.group.client.judge
        if judge is None:
            raise WrongReply("other bytes")
        if self.reading is None:
            self.reading = Reading(judge, reply)
            data = reply[:got] + data
        return self.reading.feed(data)

    def complete(self, now: int) -> None:
        """The right reply is whole."""
        self.group.ledger.add(now, self.intended, self.sent, self.first)
        self.group.flying -= 1
        self.reply = None
        self.got = 0

    def forsake(self) -> None:
        """Give up the request under way, as planned: that is no failure of the server."""
        self.group.failed("abandoned", self)
        self.reply = self.reading = None
        self.rest = b""
        self.got = 0

    def fail(self, kind: str) -> None:
        """The connection is useless from now on, and so is the request on it, if there is one."""
        self.close()
        if self.reply is not None:
            self.group.failed(kind, self)
        self.reply = self.reading = None
        self.rest = b""
        self.got = 0
