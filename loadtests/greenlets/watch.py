"""What is looked at while plain users run: requests in flight, and the deltas for Locust.

As `loadtests.engine.sampler`, in a greenlet of its own: in a hub that is always busy it comes late,
and then counts what it sees for each instant that it has missed.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gevent

from loadtests.engine.order import SECOND, Order
from loadtests.engine.report import Fold, Marks
from loadtests.greenlets.crew import Crew, sleep_until

BEAT = 10_000_000  # ns between two looks at what is in flight, less a random part of it
DELTA = SECOND // 2  # ns, least between two deltas
LIVE = 3 * SECOND // 2  # ns; a shorter trial hands over one delta, at its end
FOLD_AT = 6_000_000  # requests in a ledger, some 150 MB


class Watch:
    """Take `in_flight`, `stalled`, `deltas` and `requests` when it has been stopped."""

    def __init__(
        self, order: Order, crews: Sequence[Crew], emit: Callable[[dict[str, Any]], None]
    ) -> None:
        self.order, self.crews, self.emit = order, crews, emit
        self.tallies = {crew.name: crew.tally for crew in crews if crew.name != "idle"}
        self.in_flight: list[int] = []
        self.deltas = 0
        self.stalled = 0  # ns, the longest that a look in the window came late
        self._jitter = random.Random(f"{order.seed}/in flight").randrange
        self._began = 0.0
        self._greenlet: Any = None

    def start(self, begun: int, folds: Mapping[str, Fold], marks: Marks) -> None:
        self._began = time.time()
        self._greenlet = gevent.spawn(self._run, begun, folds, marks)

    def stop(self) -> None:
        self._greenlet.kill()

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
        told = {"classes": classes, "began": self._began, "ended": ended}
        self.emit({"event": "delta", "trial": self.order.trial, "seq": self.deltas, **told})
        self._began = ended

    def _run(self, begun: int, folds: Mapping[str, Fold], marks: Marks) -> None:
        low = begun + self.order.warm_up
        high = low + self.order.window
        beat, due_delta = begun + self.order.warm_up % BEAT, begun + DELTA
        while True:
            due = beat + self._jitter(BEAT)
            sleep_until(due)
            if low <= due < high:
                self.stalled = max(self.stalled, time.monotonic_ns() - due)
                self.in_flight.append(sum(len(crew.flying) for crew in self.crews))
            beat += BEAT
            now = time.monotonic_ns()
            if self.order.duration > LIVE and now >= due_delta:
                self.hand_over()
                due_delta = now + DELTA
            self._relieve(now, folds, marks)

    def _relieve(self, now: int, folds: Mapping[str, Fold], marks: Marks) -> None:
        """Fold early if a ledger has grown too long."""
        if any(len(crew.ledger.done) > FOLD_AT for crew in self.crews):
            for tally in self.tallies.values():
                tally.read()
            marks.take([crew.ledger for crew in self.crews], now)
            for crew in self.crews:
                folds[crew.name].take(crew.ledger)
