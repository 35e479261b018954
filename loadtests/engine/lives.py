"""The ways a connection lives, one per connection class.

kept     stays open; each request goes out after the reply to the one before    (long)
eager    a kept one whose next request goes out at once: in `eager`             (long, closed)
brief    connects, asks once, closes                                            (short, storm)
silent   connects and never says a word; whatever it hears means it is lost     (idle)

Those that end by plan are in `ends`, those that take their time in `slow`, and those that never ask
in `attacks`.
"""

import os
from functools import partial
from typing import TYPE_CHECKING

from loadtests.engine import stamps
from loadtests.engine.classes import SLOW
from loadtests.engine.dial import Dial, Handler, now_ns
from loadtests.engine.link import Link

if TYPE_CHECKING:
    from loadtests.engine.group import Group

REOPEN = 100_000_000  # ns until a kept connection that could not be reopened is tried again
PAUSE = 1_000_000  # ns until a brief one follows one that failed


class Kept(Link):
    """Stays open, and is opened again when it is lost while the load runs."""

    __slots__ = ()

    def __init__(self, group: "Group", number: int) -> None:
        super().__init__(group, number)
        self.stamped = group.name not in SLOW and number % stamps.ONE_IN == 0

    def ready(self) -> None:
        self.up = True
        if self.stamped:
            stamps.switch_on(self.sock)
            self.recv = partial(stamps.read, self.sock, self.group.ledger)
        self.group.held += 1
        self.group.settle()
        self.group.pacer.free(self, now_ns())

    def unconnected(self, kind: str) -> None:
        group = self.group
        if group.running:
            group.missed[kind] += 1
            group.pacer.later(now_ns() + REOPEN, self.reopen)
        else:
            group.settle(kind)

    def begin(self, intended: int) -> int:
        self.request, self.reply = next(self.turns)
        self.intended = intended
        self.group.flying += 1
        self.sent = sent = now_ns()
        self.transmit(self.request)
        return sent

    def complete(self, now: int) -> None:
        super().complete(now)
        self.group.pacer.free(self, now)

    def fail(self, kind: str) -> None:
        free = self.reply is None
        super().fail(kind)
        self.group.lost += 1
        if free:
            self.group.pacer.drop(self)
        if self.group.running:
            self.connect()

    def reopen(self, due: int) -> None:
        del due
        self.connect()


class Brief(Link):
    """A connection per request. Sent means connect() called: what comes after is no send lag."""

    __slots__ = ()

    def begin(self, intended: int) -> int:
        self.request, self.reply = next(self.turns)
        self.intended = intended
        self.group.flying += 1
        self.connect()
        self.sent = self.called
        return self.called

    def ready(self) -> None:
        self.group.established += 1
        self.transmit(self.request)

    def unconnected(self, kind: str) -> None:
        self.group.missed[kind] += 1
        self.sent = self.called
        self.fail(kind)

    def complete(self, now: int) -> None:
        super().complete(now)
        self.close()
        self.group.pacer.free(self, now)

    def fail(self, kind: str) -> None:
        """Rest a little: with the server gone, a closed workload would fail as fast as it can."""
        super().fail(kind)
        self.group.pacer.later(now_ns() + PAUSE, self.go_on)

    def go_on(self, due: int) -> None:
        self.group.pacer.free(self, due)


class Silent(Dial):
    """Connects, and never says a word.

    Once connected it is a descriptor and little more: a socket object with its methods, and what
    belongs to requests, would take several times as much, 15 000 times.
    """

    __slots__ = ()
    reply = None  # nothing is ever due

    def __init__(self, group: "Group", number: int) -> None:
        super().__init__(group)
        del number

    def ready(self) -> None:
        self.up = True
        self.sock.detach()
        del self.sock, self.recv, self.send
        self.called = self.size = 0  # both are objects of their own
        self.group.held += 1
        self.group.settle()

    def unconnected(self, kind: str) -> None:
        self.group.settle(kind)

    def listener(self) -> Handler:
        return self.on_noise

    def on_noise(self) -> None:
        self.close()
        self.group.lost += 1

    def close(self) -> None:
        if not self.up:
            super().close()
            return
        self.group.loop.handlers.pop(self.fd, None)
        os.close(self.fd)
        self.fd, self.up = -1, False
        self.group.held -= 1
