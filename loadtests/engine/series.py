"""What happened when: a row of numbers per 100 ms, for trials in which the load changes. Pure.

Sums, counts and maxima, so that series of several engines and trials are put together by adding. A
mean is a sum over a count; percentiles of so few requests would say little, and there are none.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from loadtests.engine.ledger import ABANDONED, Failure, Ledger

STEP = 100_000_000  # ns
NEVER_DONE = ("timeout", "unsent")  # noticed at the end: they count when they were intended


class Series:
    """From `begun` on for `lasts` ns: completed, and their response times, by when they came."""

    def __init__(self, begun: int, lasts: int) -> None:
        self.edges = [begun + STEP * number for number in range(-(-lasts // STEP) + 1)]
        steps = len(self.edges) - 1
        self.completed, self.response, self.most = ([0] * steps for _ in range(3))

    def take(self, ledger: Ledger) -> None:
        """Add what the ledger holds of completed requests."""
        places = [bisect_left(ledger.done, edge) for edge in self.edges]
        for number, (first, last) in enumerate(pairwise(places)):
            if times := ledger.response[first:last]:
                self.completed[number] += last - first
                self.response[number] += sum(times)
                self.most[number] = max(self.most[number], *times)

    def to_json(self, failures: Iterable[Failure], schedule: "array[int] | None") -> dict[str, Any]:
        """SeriesData of lab.record. schedule: absolute ns, of an open workload."""
        failed = [0] * len(self.completed)
        for failure in failures:
            at = failure.intended if failure.kind in NEVER_DONE else failure.at
            number = bisect_right(self.edges, at) - 1
            if 0 <= number < len(failed) and failure.kind != ABANDONED:
                failed[number] += 1
        places = [bisect_left(schedule or (), edge) for edge in self.edges]
        return {
            "step_ns": STEP,
            "due": [] if schedule is None else [b - a for a, b in pairwise(places)],
            "completed": self.completed,
            "failed": failed,
            "response": self.response,
            "most": self.most,
        }
