"""A level that moves in straight lines over time: a rate, or how many connections ask. Pure.

A course has a start and stages (seconds, target): in each stage the level goes from where it is to
the target in a straight line; a stage of 0 s is a jump; behind the last one its target holds. All
of it is whole numbers, times ns, levels billionths, so that nothing is rounded before the end and a
course is the same on every machine.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from math import isqrt

SECOND = 1_000_000_000  # ns
UNIT = 1_000_000_000  # of a level: lab.yaml has nine decimals at most
ONE = 2 * SECOND * UNIT  # of an integral: one request; the half keeps a trapezium whole
Stage = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stage as it lies in its course. before: the integral where it begins."""

    begin: int
    length: int
    first: int
    last: int
    before: int

    @property
    def end(self) -> int:
        return self.begin + self.length

    @property
    def after(self) -> int:
        """The integral where it ends."""
        return self.before + (self.first + self.last) * self.length

    def reach(self, amount: int) -> int:
        """The last ns at which no more than `amount` has been gathered: before <= amount < after.

        Of rise * t^2 + 2 * first * length * t <= rest * length the largest whole t.
        """
        rest, rise = amount - self.before, self.last - self.first
        if not rise:
            return self.begin + rest // (2 * self.first)
        across = self.first * self.length
        square = across * across + rise * rest * self.length
        if rise > 0:
            return self.begin + (isqrt(square) - across) // rise
        root = isqrt(square - 1) + 1 if square > 0 else 0  # rounded up, as it is taken away
        return self.begin + (across - root) // -rise


@dataclass(frozen=True, slots=True)
class Course:
    """stretches: stages of more than 0 s. level: what holds behind them, from `end` on."""

    stretches: tuple[Stretch, ...]
    end: int
    level: int
    total: int

    def reach(self, amounts: Iterable[int]) -> Iterator[int]:
        """The last ns at which no more than each of endless, ascending amounts has been gathered.

        So n * ONE gives the request behind n others, at the end of a silence and not in it. Ends
        where nothing more is gathered.
        """
        rest = iter(amounts)
        amount = next(rest)
        for stretch in self.stretches:
            while amount < stretch.after:
                yield stretch.reach(amount)
                amount = next(rest)
        if self.level:
            for each in chain((amount,), rest):
                yield self.end + (each - self.total) // (2 * self.level)

    def gathered(self, at: int) -> Fraction:
        """The integral from 0 to `at` ns, in requests."""
        total = Fraction(2 * self.level * max(0, at - self.end))
        for stretch in self.stretches:
            t = min(max(0, at - stretch.begin), stretch.length)
            rise = stretch.last - stretch.first
            total += 2 * stretch.first * t + Fraction(rise * t * t, stretch.length)
        return total / ONE

    def steady(self, low: int, high: int) -> bool:
        """Whether the level is one and the same in [low, high]; a jump at an edge is outside."""
        within = [s for s in self.stretches if s.begin < high and low < s.end]
        levels = {level for stretch in within for level in (stretch.first, stretch.last)}
        return len(levels | ({self.level} if self.end < high else set())) <= 1


def course(start: float, stages: Sequence[Stage]) -> Course:
    """Lay the stages in a row."""
    at = total = 0
    level = round(start * UNIT)
    stretches = []
    for seconds, target in stages:
        new = round(target * UNIT)
        if length := nanoseconds(seconds):
            stretches.append(Stretch(at, length, level, new, total))
            at, total = stretches[-1].end, stretches[-1].after
        level = new
    return Course(tuple(stretches), at, level, total)


def nanoseconds(seconds: float) -> int:
    return round(seconds * SECOND)


def crowd(start: float, stages: Sequence[Stage]) -> Iterator[tuple[int, int]]:
    """(ns, how many are active from there on) of whole numbers that go from target to target.

    As k6's ramping-vus: of n that come or go in a stage, the i-th does so i/n of the stage in, so
    its end has the target exactly.
    """
    at, active = 0, round(start)
    yield at, active
    for seconds, target in stages:
        length, change = nanoseconds(seconds), round(target) - active
        step = 1 if change > 0 else -1
        if length:
            for number in range(1, abs(change) + 1):
                yield at + -(-length * number // abs(change)), active + step * number
        elif change:
            yield at, active + change
        at, active = at + length, active + change


def mean_crowd(start: float, stages: Sequence[Stage], low: int, high: int) -> Fraction:
    """How many are active on average in [low, high) ns."""
    steps = [*crowd(start, stages), (high, 0)]
    spent = 0
    for (begin, active), (end, _) in pairwise(steps):
        spent += active * max(0, min(end, high) - max(begin, low))
    return Fraction(spent, high - low)
