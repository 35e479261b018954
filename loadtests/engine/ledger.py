"""What happened to the requests of one connection class: raw stamps, nothing folded.

Replies come in the order of the clock, so `done` is sorted: phases, slices and marks are found
afterwards by bisection, and the loop never asks which phase it is in.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import repeat
from operator import floordiv
from typing import NamedTuple

MICROSECOND = 1000  # ns
Count = Callable[["Counter[int]", "array[int]", int, int], None]
ABANDONED = "abandoned"  # by whoever asked, as planned
CLEARED = (
    "done",
    "service",
    "connected_at",
    "connect_took",
    "behind_at",
    "behind",
    "resized",
    "by",
)


class Failure(NamedTuple):
    """A request that got no right reply, or was given up on purpose: then it is `abandoned`.

    sent: 0 if it never was; received: bytes that did come; left: bytes of it that were never sent.
    """

    at: int
    kind: str
    intended: int
    sent: int
    received: int
    left: int = 0


class Ledger:
    """Arrays run in parallel, one entry per completed request, ns.

    In an unpaced class (closed, no think time) a request is intended when it is sent: `response` is
    the very same array as `service`. pieces: entry → time to the first byte, where the reply
    came in more than one piece; all others have first byte and end in one. behind: see `stamps`; a
    sample of reads, with their own times. resized: entries of
    replies of another size than foreseen; by: how many bytes more each of them had.
    """

    __slots__ = (
        "behind",
        "behind_at",
        "by",
        "connect_took",
        "connected_at",
        "done",
        "failures",
        "folded",
        "pieces",
        "resized",
        "response",
        "service",
        "surplus",
    )

    def __init__(self, paced: bool) -> None:
        self.done = array("q")
        self.service = array("q")
        self.response = array("q") if paced else self.service
        self.pieces: dict[int, int] = {}
        self.resized = array("q")
        self.by = array("q")
        self.surplus = 0  # bytes received beyond those foreseen, since the start
        self.connected_at = array("q")
        self.connect_took = array("q")
        self.behind_at = array("q")
        self.behind = array("q")
        self.failures: list[Failure] = []
        self.folded = 0  # completed requests that were here and have been folded into histograms

    @property
    def paced(self) -> bool:
        return self.response is not self.service

    @property
    def completed(self) -> int:
        return self.folded + len(self.done)

    def add(self, now: int, intended: int, sent: int, first: int) -> None:
        """Note a right reply. first: when its first byte came."""
        if first != now:
            self.pieces[len(self.done)] = first - sent
        self.done.append(now)
        self.service.append(now - sent)
        if self.paced:
            self.response.append(now - intended)

    def resize(self, by: int) -> None:
        """Note that the reply which is added next has another size than foreseen."""
        if by:
            self.resized.append(len(self.done))
            self.by.append(by)
            self.surplus += by

    def connected(self, now: int, called: int) -> None:
        self.connected_at.append(now)
        self.connect_took.append(now - called)

    def lie(self, now: int, behind: int) -> None:
        """Bytes read `now` had been lying here so long; less than nothing if the clock was set."""
        self.behind_at.append(now)
        self.behind.append(max(behind, 0))

    def clear(self) -> None:
        """Forget the completed requests; failures stay."""
        self.folded += len(self.done)
        for name in CLEARED:
            del getattr(self, name)[:]
        if self.paced:
            del self.response[:]
        self.pieces.clear()


def count(counts: Counter[int], values: "array[int]", first: int, unit: int) -> None:
    """Count values[first:] by whole units. All in C: about 0.1 us each."""
    counts.update(map(floordiv, values[first:], repeat(unit)))


class Tally:
    """Response times in microseconds since the last delta, for Locust's own statistics."""

    def __init__(self, ledger: Ledger, reply_bytes: int, count: Count = count) -> None:
        self.ledger = ledger
        self.count = count
        self.reply_bytes = reply_bytes
        self.counts: Counter[int] = Counter()
        self.done = self.failed = 0  # how far the ledger has been read
        self.requests = 0  # in all deltas taken
        self.surplus = 0  # bytes of the ledger's, in all deltas taken

    def read(self) -> None:
        """Count what is new."""
        response, first = self.ledger.response, self.done - self.ledger.folded
        self.count(self.counts, response, first, MICROSECOND)
        self.done += len(response) - first

    def forget(self) -> None:
        """Drop the failures: every delta they belong to has been taken."""
        del self.ledger.failures[:]
        self.failed = 0

    def take(self) -> dict[str, object] | None:
        """Hand over one delta, and start the next; None: nothing to tell."""
        self.read()
        failures = self.ledger.failures[self.failed :]
        completed = self.counts.total()
        if not completed and not failures:
            return None
        failed = Counter(failure.kind for failure in failures)
        given_up = failed.pop(ABANDONED, 0)
        delta = {
            "counts": shorten(self.counts.items()),
            "failed": dict(failed),
            "bytes_received": completed * self.reply_bytes
            + (self.ledger.surplus - self.surplus)
            + sum(failure.received for failure in failures),
            **({ABANDONED: given_up} if given_up else {}),
        }
        self.counts.clear()
        self.surplus = self.ledger.surplus
        self.failed += len(failures)
        self.requests += completed + len(failures)
        return delta


def shorten(counts: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Round microseconds to three significant digits, and add what falls together."""
    short: Counter[int] = Counter()
    for value, times in counts:
        unit = 10 ** max(0, len(str(value)) - 3)
        short[(value + unit // 2) // unit * unit] += times
    return dict(short)
