"""What the users of one connection class have in common: their orders, counts and census.

The counts are the load engine's own (`ledger`), so the record has one shape whoever made it.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from time import monotonic_ns as now_ns
from typing import Any

import gevent
from gevent.event import AsyncResult, Event
from gevent.lock import BoundedSemaphore

from loadtests.engine import arrivals, sources
from loadtests.engine.clients import CLIENTS
from loadtests.engine.ledger import Failure, Ledger, Tally
from loadtests.engine.order import SECOND, Order
from loadtests.engine.report import Facts
from loadtests.greenlets.line import Failed, Line, Place

UNDER_WAY = 64  # connects unfinished: more would only queue up behind a full backlog
REOPEN_S = 0.1  # until a kept connection that could not be reopened is tried again


def sleep_until(at: int) -> None:
    """Let others run until then, ns; gevent's timers are a millisecond coarse."""
    while (left := at - now_ns()) > 0:
        gevent.sleep(left / SECOND)


class Crew:
    """flying: requests on the way, by the connection they are on, with their intended times.

    held: kept connections open now. lost: those the other side has closed.
    """

    foreign = False

    def __init__(self, name: str, order: Order, place: tuple[Any, Any]) -> None:
        self.name = name
        self.load = load = order.classes[name]  # type: ignore[index]  # the caller took it there
        self.place = Place(*place)
        self.seed = order.seed
        self.asked = arrivals.split(load.connections, order.index, order.of)
        self.client = CLIENTS[order.protocol](
            f"{order.seed}/{name}/payload", load.payload, load.path
        )
        self.request_bytes, self.reply_bytes = map(len, self.client.exchanges[0])
        self.ledger = Ledger(paced=True)
        self.tally = Tally(self.ledger, self.reply_bytes)
        self.unconnected: Counter[str] = Counter()
        self.flying: dict[Line | object, int] = {}
        self.held = self.lost = self.established = 0
        self.think = round(load.think_s * SECOND)
        self.pending = self.asked if self.keeps else 0
        self.settled = Event()
        self.stopped = False
        self.gate: AsyncResult = AsyncResult()  # opened with the time at which the load begins
        self._door = BoundedSemaphore(UNDER_WAY)
        self._sources = sources.own(self.place.address[0], order.index, name, self.asked)
        self._numbers = iter(range(self.asked))
        if not self.pending:
            self.settled.set()

    @property
    def keeps(self) -> bool:
        """Its connections are there before the load begins, and counted at the window's edges."""
        return self.name != "short"

    # what a user asks for

    def number(self) -> int:
        """Count one more user; Locust starts no more than were asked for."""
        return next(self._numbers)

    def turns(self, number: int) -> Iterator[tuple[bytes, bytes]]:
        """Exchanges in turn; neighbours begin with different ones."""
        exchanges = self.client.exchanges
        first = number % len(exchanges)
        return cycle(exchanges[first:] + exchanges[:first])

    def thinks(self, number: int) -> Iterator[int]:
        """The pauses of one user, ns."""
        if getattr(self.load, "spread", "constant") == "exponential":
            return arrivals.thinks(self.think, f"{self.seed}/{self.name}/think/{number}")
        return cycle((self.think,))

    def begin(self, number: int) -> int:
        """Wait for the start. Returns when this user's first request is due: not all at once."""
        begun: int = self.gate.get()
        due = begun + self.think * number // max(1, self.asked)
        sleep_until(due)
        return due

    def connect(self, number: int) -> Line:
        """Open a connection. Raises Failed."""
        source = self._sources[number % len(self._sources)] if self._sources else ""
        with self._door:
            return Line(self.place._replace(source=source), self.client, self.ledger.connected)

    def keep(self, number: int) -> Line | None:
        """Open a connection that is held from the start on. None: it takes no part."""
        try:
            line = self.connect(number)
        except Failed as failed:
            self._settle(failed.kind)
            return None
        if not self.pending:  # the deadline has passed: it is given up
            line.close()
            return None
        self.held += 1
        self._settle()
        return line

    def reopen(self, number: int, line: Line) -> Line:
        """Replace a kept connection that is lost; try for as long as the load runs."""
        line.close()
        self.held -= 1
        self.lost += 1
        while True:
            self.park_if_stopped()
            try:
                line = self.connect(number)
            except Failed:
                gevent.sleep(REOPEN_S)
                continue
            self.held += 1
            return line

    def park_if_stopped(self) -> None:
        """Hold still, for good, once no request may begin any more."""
        if self.stopped:
            Event().wait()

    # what the trial asks for

    def _settle(self, kind: str = "") -> None:
        if not self.pending:
            return
        self.pending -= 1
        if kind:
            self.unconnected[kind] += 1
        else:
            self.established += 1
        if not self.pending:
            self.settled.set()

    def give_up(self) -> None:
        """The deadline has passed: what is not connected now does not take part."""
        if self.pending:
            self.unconnected["timeout"] += self.pending
            self.pending = 0
            self.settled.set()

    def finish(self) -> None:
        """Nobody waits for a reply any longer."""
        now = now_ns()
        for line, intended in self.flying.items():
            sent, got = (line.sent, line.got) if isinstance(line, Line) else (0, 0)
            self.ledger.failures.append(Failure(now, "timeout", intended, sent, got))
        self.flying.clear()

    def facts(self, held: tuple[int, int]) -> Facts:
        """held: at the two edges of the window."""
        census = {
            "asked": self.asked,
            "established": self.established,
            "held_at_start": held[0],
            "held_at_end": held[1],
            "lost": self.lost,
        }
        return Facts(self.request_bytes, self.reply_bytes, None, census)
