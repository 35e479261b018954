"""What is looked at while the load runs: requests in flight, and the deltas for Locust.

In flight is sampled at an instant drawn at random from each 10 ms: a fixed beat could stay in step
with constant arrivals and see the same phase each time.
"""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from loadtests.engine.group import Group
from loadtests.engine.ledger import Tally
from loadtests.engine.loop import Loop
from loadtests.engine.order import SECOND, Order
from loadtests.engine.timer import NEVER

BEAT = 10_000_000  # ns
DELTA = SECOND // 2  # ns, least between two deltas
LIVE = 3 * SECOND // 2  # ns; a shorter trial hands over one delta, at its end


class Sampler:
    """Give it the groups when the load begins; take `in_flight` when it has ended."""

    def __init__(
        self,
        order: Order,
        loop: Loop,
        groups: Sequence[Group],
        emit: Callable[[dict[str, Any]], None],
    ) -> None:
        self.trial = order.trial
        self.live = order.duration > LIVE
        self.warm_up, self.window = order.warm_up, order.window
        self.loop, self.groups, self.emit = loop, groups, emit
        self.alarm = loop.alarm(self.ring)
        loop.alarms.insert(0, loop.alarms.pop())  # it looks before others of the same wake send
        self.tallies = {
            g.name: Tally(g.ledger, g.reply_bytes, loop.count) for g in groups if g.asks
        }
        self.in_flight: list[int] = []
        self.deltas = 0
        self.stalled = 0  # ns, the longest that a beat in the window came late
        self._jitter = random.Random(f"{order.seed}/in flight").randrange
        self._edges = (0, 0)
        self._due_delta = 0
        self._began = 0.0

    def start(self, at: int, relieve: Callable[[int], None]) -> None:
        """relieve: called at every beat, with the clock."""
        self._relieve = relieve
        self._edges = (at + self.warm_up, at + self.warm_up + self.window)
        self._at = at + self.warm_up % BEAT
        self._due_delta = at + DELTA
        self._began = time.time()
        self._next()

    def stop(self) -> None:
        self.alarm.due = NEVER

    def ring(self, now: int) -> None:
        due = self._due
        while due <= now:
            if self._edges[0] <= due < self._edges[1]:
                self.in_flight.append(self.flying)
                self.stalled = max(self.stalled, now - due)
            due = self._next()
        if self.live:
            self.read()
            if now >= self._due_delta:
                self.hand_over()
                self._due_delta = now + DELTA
        self._relieve(now)

    def read(self) -> None:
        for tally in self.tallies.values():
            tally.read()

    @property
    def flying(self) -> int:
        return sum(group.under_way for group in self.groups)

    @property
    def requests(self) -> int:
        """Handed over so far, failed ones included."""
        return sum(tally.requests for tally in self.tallies.values())

    def hand_over(self) -> None:
        """Emit a delta, unless there is nothing to tell."""
        taken = {name: tally.take() for name, tally in self.tallies.items()}
        classes = {name: delta for name, delta in taken.items() if delta}
        if not classes:
            return
        ended = time.time()
        self.deltas += 1
        self.emit(
            {
                "event": "delta",
                "trial": self.trial,
                "seq": self.deltas,
                "classes": classes,
                "began": self._began,
                "ended": ended,
            }
        )
        self._began = ended

    def _next(self) -> int:
        self._due = self._at + self._jitter(BEAT)
        self._at += BEAT
        self.loop.set(self.alarm, self._due)
        return self._due
