"""From raw stamps to the engine's result: windows, histograms, marks. Pure.

The window is [t0, t1). Completed requests belong to it by their `done` stamp, scheduled ones by
their intended start, sent ones by their `sent` stamp; failures by the time they were noticed, but
timeout and unsent, which are noticed at the end only, by their intended start.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import sub
from typing import Any

from loadtests.engine.histogram import Histogram
from loadtests.engine.ledger import ABANDONED, Ledger
from loadtests.engine.series import NEVER_DONE, Series

MARK = 1_000_000  # ns between marks


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a class besides its ledger. schedule: absolute ns, of an open workload."""

    request_bytes: int
    reply_bytes: int
    schedule: "array[int] | None"
    connections: dict[str, int]


class Marks:
    """(ns, requests completed so far) on a grid of one millisecond.

    Grid points amid a standstill are left out, so a straight line between two marks is never more
    than a millisecond's completions off.
    """

    def __init__(self, begun: int) -> None:
        self.found: list[tuple[int, int]] = [(begun, 0)]
        self._next = begun + MARK

    def take(self, ledgers: Sequence[Ledger], until: int) -> None:
        """Go on up to `until`, and not beyond: all that was done up to there is in the ledgers."""
        base = sum(ledger.folded for ledger in ledgers)
        stamps = [ledger.done for ledger in ledgers]
        while self._next <= until:
            total = base + sum(bisect_right(done, self._next) for done in stamps)
            at, known = self.found[-1]
            if total != known:
                if at < self._next - MARK:
                    self.found.append((self._next - MARK, known))
                self.found.append((self._next, total))
            self._next += MARK


class Fold:
    """One class's ledger, folded: at the end, and before, where it has grown too long."""

    def __init__(self, window: tuple[int, int], series: Series | None = None) -> None:
        self.window = window
        self.series = series
        self.completed = self.scheduled = self.sent = 0  # of the window
        self.surplus = 0  # bytes of its replies beyond those foreseen
        self.response, self.service, self.lag = Histogram(), Histogram(), Histogram()
        self.connect, self.first_byte, self.behind = Histogram(), Histogram(), Histogram()

    def take(self, ledger: Ledger) -> None:
        """Fold what the ledger holds of completed requests, and clear it."""
        if self.series is not None:
            self.series.take(ledger)
        done, response, service = ledger.done, ledger.response, ledger.service
        first, last = (bisect_left(done, edge) for edge in self.window)
        self.completed += last - first
        longer = slice(*(bisect_left(ledger.resized, entry) for entry in (first, last)))
        self.surplus += sum(ledger.by[longer])
        self.sent += within(map(sub, done[first:], service[first:]), self.window)
        self.scheduled += within(map(sub, done[first:], response[first:]), self.window)
        served = fold(service[first:last])
        self.service.merge(served)
        self.response.merge(fold(response[first:last]) if ledger.paced else served)
        if ledger.paced:
            self.lag.add_all(list(map(sub, response[first:last], service[first:last])))
        else:
            self.lag.add(0, last - first)
        self._take_first_bytes(ledger, first, last, served)
        start, end = (bisect_left(ledger.connected_at, edge) for edge in self.window)
        self.connect.add_all(ledger.connect_took[start:end])
        start, end = (bisect_left(ledger.behind_at, edge) for edge in self.window)
        self.behind.add_all(ledger.behind[start:end])
        ledger.clear()

    def _take_first_bytes(self, ledger: Ledger, first: int, last: int, served: Histogram) -> None:
        pieces = [entry for entry in ledger.pieces if first <= entry < last]
        if not pieces:
            self.first_byte.merge(served)  # each reply came whole: its first byte was its last
            return
        stamps = ledger.service[first:last]
        for entry in pieces:
            stamps[entry - first] = ledger.pieces[entry]
        self.first_byte.add_all(stamps)


def class_result(fold: Fold, ledger: Ledger, facts: Facts) -> dict[str, Any]:
    """ClassResult of lab.record."""
    series = fold.series and fold.series.to_json(ledger.failures, facts.schedule)
    return {
        "total": total_counts(ledger, facts),
        "window": window_counts(fold, ledger, facts)
        | {
            name: getattr(fold, name).to_json()
            for name in ("response", "service", "lag", "connect", "first_byte", "behind")
        },
        "connections": facts.connections,
        **({"series": series} if series else {}),
    }


def total_counts(ledger: Ledger, facts: Facts) -> dict[str, Any]:
    failures = ledger.failures
    scheduled = ledger.completed + len(failures)
    return counts(
        facts,
        scheduled=scheduled if facts.schedule is None else len(facts.schedule),
        sent=ledger.completed + sum(failure.sent > 0 for failure in failures),
        completed=ledger.completed,
        failed=Counter(failure.kind for failure in failures),
        received=ledger.surplus + sum(failure.received for failure in failures),
        left=sum(failure.left for failure in failures),
    )


def window_counts(fold: Fold, ledger: Ledger, facts: Facts) -> dict[str, Any]:
    low, high = fold.window
    failures = ledger.failures
    inside = [
        failure
        for failure in failures
        if low <= (failure.intended if failure.kind in NEVER_DONE else failure.at) < high
    ]
    if facts.schedule is None:
        scheduled = fold.scheduled + within((f.intended for f in failures), fold.window)
    else:
        scheduled = bisect_left(facts.schedule, high) - bisect_left(facts.schedule, low)
    return counts(
        facts,
        scheduled=scheduled,
        sent=fold.sent + within((f.sent for f in failures), fold.window),
        completed=fold.completed,
        failed=Counter(failure.kind for failure in inside),
        received=fold.surplus + sum(failure.received for failure in inside),
        left=sum(failure.left for failure in failures if low <= failure.sent < high),
    )


def counts(
    facts: Facts,
    *,
    scheduled: int,
    sent: int,
    completed: int,
    failed: Counter[str],
    received: int,
    left: int,
) -> dict[str, Any]:
    abandoned = failed.pop(ABANDONED, 0)
    return {
        "scheduled": scheduled,
        "sent": sent,
        "completed": completed,
        "failed": dict(sorted(failed.items())),
        "abandoned": abandoned,
        "bytes_sent": sent * facts.request_bytes - left,
        "bytes_received": completed * facts.reply_bytes + received,
    }


def fold(values: Sequence[int]) -> Histogram:
    made = Histogram()
    made.add_all(values)
    return made


def within(stamps: Iterable[int], window: tuple[int, int]) -> int:
    """How many stamps lie in [low, high)."""
    found = list(stamps)
    return sum(map(window[0].__le__, found)) - sum(map(window[1].__le__, found))
