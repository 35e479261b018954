"""Arrival processes: when requests of an open workload are intended, drawn before the trial. Pure.

All offsets are whole nanoseconds since the start of the load. The same seed gives the same
offsets on every machine that rounds floats by IEEE 754, so all arms of a block share them.
"""

import math
import random
from array import array
from collections.abc import Callable, Iterator
from itertools import count, islice, takewhile

SECOND = 1_000_000_000  # ns


def constant(rate: float, seed: str) -> Iterator[int]:
    """One every 1/rate seconds, the first at 0."""
    del seed
    gap = SECOND / rate
    return (int(number * gap) for number in count())


def poisson(rate: float, seed: str) -> Iterator[int]:
    """Independent exponential gaps by inversion: gap = -ln(1 - u) / rate."""
    uniform = random.Random(seed).random
    mean = SECOND / rate
    at = 0.0
    while True:
        at -= math.log(1.0 - uniform()) * mean
        yield int(at)


SPACINGS: dict[str, Callable[[float, str], Iterator[int]]] = {
    "constant": constant,
    "poisson": poisson,
}


def plan(spacing: str, rate: float, duration: int, seed: str) -> "array[int]":
    """All arrivals in [0, duration) ns, ascending. Raises KeyError on an unknown spacing."""
    return array("q", takewhile(lambda at: at < duration, SPACINGS[spacing](rate, seed)))


def stream(spacing: str, rate: float, seed: str, index: int, of: int) -> Iterator[int]:
    """All arrivals without an end, drawn when asked for, dealt as `deal` does."""
    return islice(SPACINGS[spacing](rate, seed), index, None, of)


def split(total: int, index: int, of: int) -> int:
    """Share of `total` things that falls to engine `index` of `of`; the shares sum to the total."""
    return total // of + (index < total % of)


def deal(arrivals: "array[int]", index: int, of: int) -> "array[int]":
    """Every of-th arrival, from the index-th on; the hands together are the deck."""
    return arrivals[index::of]
