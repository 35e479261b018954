"""When requests are intended, drawn before the trial. Pure.

Arrivals of an open workload are whole nanoseconds since the start of the load. Think times of a
closed one are drawn per connection: the k-th of connection n is what it is, whenever replies come.
The same seed gives the same draws, so all arms of a block share them: of constant spacing on every
machine, of Poisson and exponential ones to the nanosecond or so (the last bit of a logarithm is the
C library's).
"""

import math
import random
from array import array
from collections.abc import Callable, Iterator
from itertools import accumulate, count, islice, takewhile

from loadtests.engine.course import ONE, SECOND, Course


def exponential(seed: str) -> Iterator[float]:
    """Independent exponential variates of mean 1, by inversion: -ln(1 - u)."""
    uniform = random.Random(seed).random
    while True:
        yield -math.log(1.0 - uniform())


def constant(rate: float, seed: str) -> Iterator[int]:
    """One every 1/rate seconds, the first at 0."""
    del seed
    gap = SECOND / rate
    return (int(number * gap) for number in count())


def poisson(rate: float, seed: str) -> Iterator[int]:
    """Independent exponential gaps."""
    mean = SECOND / rate
    return map(int, accumulate(variate * mean for variate in exponential(seed)))


SPACINGS: dict[str, Callable[[float, str], Iterator[int]]] = {
    "constant": constant,
    "poisson": poisson,
}


def even(seed: str) -> Iterator[int]:
    """What has been gathered of a rate when each request is due: 0, 1, 2... of them."""
    del seed
    return count(0, ONE)


def random_times(seed: str) -> Iterator[int]:
    """The same of a Poisson process: time, measured in requests, has unit-rate gaps."""
    return (int(amount * ONE) for amount in accumulate(exponential(seed)))


AMOUNTS: dict[str, Callable[[str], Iterator[int]]] = {
    "constant": even,
    "poisson": random_times,
}


def plan(spacing: str, rate: float, duration: int, seed: str) -> "array[int]":
    """All arrivals in [0, duration) ns, ascending. Raises KeyError on an unknown spacing."""
    return array("q", takewhile(lambda at: at < duration, SPACINGS[spacing](rate, seed)))


def ramp(spacing: str, rate: Course, duration: int, seed: str) -> "array[int]":
    """As `plan`, of a rate that changes: amounts are mapped through its integral's inverse.

    Constant spacing: the n-th request (from 0) at the instant at which n are due, rounded down.
    Poisson: the time change of an inhomogeneous process, Devroye, Non-Uniform Random Variate
    Generation, chapter VI.1.3.
    """
    return array("q", takewhile(lambda at: at < duration, rate.reach(AMOUNTS[spacing](seed))))


def stream(spacing: str, rate: float, seed: str, index: int, of: int) -> Iterator[int]:
    """All arrivals without an end, drawn when asked for, dealt as `deal` does."""
    return islice(SPACINGS[spacing](rate, seed), index, None, of)


def thinks(mean: int, seed: str) -> Iterator[int]:
    """One connection's exponential think times, ns, without an end."""
    return (int(mean * variate) for variate in exponential(seed))


def split(total: int, index: int, of: int) -> int:
    """Share of `total` things that falls to engine `index` of `of`; the shares sum to the total."""
    return total // of + (index < total % of)


def deal(arrivals: "array[int]", index: int, of: int) -> "array[int]":
    """Every of-th arrival, from the index-th on; the hands together are the deck."""
    return arrivals[index::of]
