"""What may be counted: checked numbers in, one triple out.

A missing, zero or negative metric is a fault of the caller: it is refused here with a plain text
and never turned into a log of something small.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

MAX_LOG = 700.0  # exp() overflows a little above


class Estimate(NamedTuple):
    """An estimate and its interval; the ends are infinite where the data allow no finite one."""

    estimate: float
    low: float
    high: float


def finite(values: Sequence[float], what: str) -> list[float]:
    """The values, or ValueError naming the first that is NaN or infinite."""
    for place, value in enumerate(values):
        if not math.isfinite(value):
            raise ValueError(f"{what}[{place}] is {value}; only finite numbers can be compared.")
    return list(values)


def positive(values: Sequence[float], what: str) -> list[float]:
    """The values, or ValueError naming the first that has no logarithm."""
    for place, value in enumerate(finite(values, what)):
        if value <= 0:
            raise ValueError(f"{what}[{place}] is {value}; a ratio needs numbers above zero.")
    return list(values)


def ascending(levels: Sequence[float]) -> list[float]:
    """The levels, or ValueError unless there are two or more, in strictly ascending order."""
    found = finite(levels, "levels")
    if len(found) < 2 or any(right <= left for left, right in pairwise(found)):
        raise ValueError(f"levels must be two or more in ascending order, not {found}.")
    return found


def as_ratios(logs: Estimate) -> Estimate:
    """exp() of an estimate and its interval; what is too large for a float is endless."""
    return Estimate(*(math.exp(log) if log < MAX_LOG else math.inf for log in logs))


def share(flags: Sequence[bool]) -> float:
    """The part of the flags that is true; 0 of none is 0."""
    return sum(flags) / len(flags) if flags else 0.0


def log_ratios(a: Sequence[float], b: Sequence[float]) -> list[float]:
    """ln(a/b) per block; a and b hold the same metric (> 0) of two arms, in the same blocks."""
    if len(a) != len(b):
        raise ValueError(f"{len(a)} blocks of A against {len(b)} of B: blocks must be paired.")
    pairs = zip(positive(a, "A"), positive(b, "B"), strict=True)
    return [math.log(x) - math.log(y) for x, y in pairs]
