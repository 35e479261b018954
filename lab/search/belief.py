"""Where the turn probably is: a Bayesian guess that chooses levels and says what to expect there.

A logistic curve over the axis, its middle and its width unknown, with a share of trials that answer
at random whatever is asked. Its middle is as likely at one place as at another, and some of it lies
outside of the levels. It may be wrong: see lab.search.evidence for what follows from that, nothing.
Pure; the standard library is fast enough for a few hundred trials.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from operator import mul

from lab.search.axis import gaps

WIDTHS = (0.01, 0.04, 0.15, 0.5)  # of the curve, on the axis: from a cliff to a slope of decades
LAPSE = 0.04  # of the trials answer at random: a noisy machine
OUTSIDE = 0.1  # prior chance on either side that no level is beyond the turn


class Belief:
    """Chances of gaps and widths, after what has been answered: width by width in one list."""

    def __init__(self, places: Sequence[float]) -> None:
        self._places = list(places)
        self._middles = gaps(self._places)
        inside = (1 - 2 * OUTSIDE) / max(1, len(self._middles) - 2)
        prior = [OUTSIDE, *([inside] * (len(self._middles) - 2)), OUTSIDE]
        self._weights = [p / len(WIDTHS) for _ in WIDTHS for p in prior]
        self._rows: dict[int, list[float]] = {}
        self._sums: list[float] = []  # of the chances of all gaps up to one

    def chance(self, level: int) -> float:
        """Return the chance that a trial at that level answers yes."""
        return float(sum(map(mul, self._weights, self._row(level))))

    def add(self, level: int, *, yes: bool) -> None:
        """Take an answer in."""
        row = self._row(level)
        found = list(map(mul, self._weights, row if yes else [1 - p for p in row]))
        total = sum(found)
        self._weights = [weight / total for weight in found]
        self._sums = []

    def quantile(self, share: float) -> int:
        """Return the gap below and in which the turn lies with that chance."""
        many = len(self._middles)
        if not self._sums:
            by_width = (self._weights[i : i + many] for i in range(0, len(self._weights), many))
            self._sums = list(accumulate(map(sum, zip(*by_width, strict=True))))
        return min(bisect_left(self._sums, share), many - 1)

    def _row(self, level: int) -> list[float]:
        """Return the chance of a yes at a level, for each width and each gap as the middle."""
        if level not in self._rows:
            at = self._places[level]
            self._rows[level] = [
                LAPSE / 2 + (1 - LAPSE) * _logistic((at - middle) / width)
                for width in WIDTHS
                for middle in self._middles
            ]
        return self._rows[level]


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0
