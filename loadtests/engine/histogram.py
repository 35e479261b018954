"""A log-linear histogram of nanoseconds: exact in count, sum, least and greatest. Pure.

Values below 2S stand in buckets of their own; above, each doubling of the value has S buckets of
equal width, so that no bucket is wider than 1/S, 0.1 %, of its values. Merging adds counts;
percentiles are never averaged, quantiles never interpolated. After HdrHistogram, with one index.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from operator import rshift
from typing import Any, Self

BITS = 10  # of a sub-bucket: a bucket is at most 2**-10 of its value wide
S = 1 << BITS
SCALE = 100_000  # quantiles are whole hundred-thousandths, so that ranks are exact integers
LEAST_BEYOND = 10  # samples above a quantile before it may be printed


def index_of(value: int) -> int:
    """Bucket of a value >= 0."""
    exponent = max(0, value.bit_length() - BITS - 1)
    return exponent * S + (value >> exponent)


def bounds(index: int) -> tuple[int, int]:
    """Lowest value and width of a bucket."""
    if index < 2 * S:
        return index, 1
    exponent = index // S - 1
    return (index - exponent * S) << exponent, 1 << exponent


def rank(p: int, count: int) -> int:
    """Rank (1-based) of the quantile p/100000 among `count` values: ceil(q * n), in integers."""
    return max(1, (p * count + SCALE - 1) // SCALE)


def supports(q: float, count: int) -> bool:
    """Whether a quantile may be printed: at least ten samples lie above it."""
    return round((1 - q) * SCALE) * count >= LEAST_BEYOND * SCALE


class Histogram:
    """Counts by bucket; `min` and `max` are 0 while it is empty."""

    __slots__ = ("buckets", "count", "max", "min", "sum")

    def __init__(self) -> None:
        self.buckets: Counter[int] = Counter()
        self.count = self.sum = self.min = self.max = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def add(self, value: int, times: int = 1) -> None:
        if times:
            self._note(times, value * times, value, value)
            self.buckets[index_of(value)] += times

    def add_all(self, values: Sequence[int]) -> None:
        """Add many: counted in C by the bits that matter, one Python step per distinct value."""
        if not values:
            return
        least = min(values)
        self._note(len(values), sum(values), least, max(values))
        shift = max(0, least.bit_length() - BITS - 1)  # no value's bucket depends on lower bits
        for key, times in Counter(map(rshift, values, repeat(shift))).items():
            self.buckets[index_of(key << shift)] += times

    def merge(self, other: "Histogram") -> Self:
        if other.count:
            self._note(other.count, other.sum, other.min, other.max)
            self.buckets.update(other.buckets)
        return self

    def mean(self) -> float:
        """Exact but for one division. Raises ZeroDivisionError on an empty histogram."""
        return self.sum / self.count

    def quantile(self, p: int) -> int:
        """Quantile p/100000: the top of its bucket, at most the greatest value.

        Raises ValueError on an empty histogram.
        """
        wanted = rank(p, self.count)
        seen = 0
        for index in sorted(self.buckets):
            seen += self.buckets[index]
            if seen >= wanted:
                low, width = bounds(index)
                return min(low + width - 1, self.max)
        raise ValueError("an empty histogram has no quantiles")

    def to_json(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "sum": self.sum,
            "min": self.min,
            "max": self.max,
            "buckets": sorted([index, times] for index, times in self.buckets.items()),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what to_json wrote. Raises ValueError when the counts do not add up."""
        new = cls()
        new.count, new.sum = data["count"], data["sum"]
        new.min, new.max = data["min"], data["max"]
        pairs: Iterable[tuple[int, int]] = data["buckets"]
        new.buckets.update(dict(pairs))
        if new.buckets.total() != new.count:
            raise ValueError(f"histogram of {new.count} holds {new.buckets.total()} values")
        return new

    def _note(self, times: int, total: int, least: int, greatest: int) -> None:
        self.min = min(self.min, least) if self.count else least
        self.max = max(self.max, greatest) if self.count else greatest
        self.count += times
        self.sum += total
