"""Has a window reached its steady state?

A window is cut into slices of equal length; y is the rate, or the CPU per request, of each.
Both signs are needed: tau alone finds drifts too small to matter, the slope alone finds noise.
Many programs never become steady, hence a gate and not an assumption (Barrett et al., OOPSLA 2017).
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from lab.stats.values import finite

STRONG_TAU = 0.5  # about 3 sigma for 20 slices: var tau = 2(2n+5) / (9n(n-1))
LARGE_CHANGE = 0.10  # of the median, over the window: the size of the smallest claimed effect


@dataclass(frozen=True)
class Drift:
    """tau: Kendall's, against time. change: how far the Theil-Sen line moves, of the median."""

    tau: float
    change: float

    @property
    def is_steady(self) -> bool:
        """False only where the drift is both consistent and large."""
        return abs(self.tau) <= STRONG_TAU or self.change <= LARGE_CHANGE


def kendall_tau(y: Sequence[float]) -> float:
    """Kendall's tau-b of y against its index; 0.0 where y does not vary.

    Source: Kendall, Rank Correlation Methods, chapter 3 (ties).
    """
    slices = _slices(y)
    pairs = math.comb(len(slices), 2)
    tied = sum(math.comb(times, 2) for times in Counter(slices).values())
    if tied == pairs:
        return 0.0
    score = sum((after > before) - (after < before) for before, after in combinations(slices, 2))
    return score / math.sqrt(pairs * (pairs - tied))


def theil_sen(y: Sequence[float]) -> float:
    """The median slope between any two slices, in units of y per slice.

    Source: Sen, JASA 63 (1968).
    """
    numbered = enumerate(_slices(y))
    return median(
        (after - before) / (j - i) for (i, before), (j, after) in combinations(numbered, 2)
    )


def drift(y: Sequence[float]) -> Drift:
    """How consistently and how far y moved over its window. ValueError if its median is not > 0."""
    level = median(_slices(y))
    if level <= 0:
        raise ValueError(f"The median slice is {level}; a relative drift needs one above zero.")
    return Drift(kendall_tau(y), abs(theil_sen(y)) * (len(y) - 1) / level)


def _slices(y: Sequence[float]) -> list[float]:
    if len(y) < 2:
        raise ValueError(f"{len(y)} slices: a drift needs at least 2.")
    return finite(y, "y")
