"""The levels that a search may ask, and the axis on which it looks for the turn.

Levels are whole numbers (requests per second, connections, bytes) and are spread by factors, so the
axis is ln(1 + level): steps are alike from 10 to 11 and from 1000 to 1100, and 0 has a place. Two
neighbours differ by a quarter of the tolerance: a search that ends between two of them is exact
enough, and asks each level often enough to learn something of it. Pure.
"""

import math
from itertools import pairwise

STEPS = 4  # of the axis inside one tolerance
MOST = 1200  # levels: 1 % from 1 to 10,000 in quarters takes 3,700, and nobody waits for those


def axis(level: float) -> float:
    """Place a level."""
    return math.log1p(level)


def levels(low: int, high: int, tolerance: float) -> list[int]:
    """Return the levels from low to high, ascending, both included; two at least."""
    if not 0 <= low < high:
        raise ValueError(f"levels from {low} to {high}: the first must be below the last.")
    length = axis(high) - axis(low)
    steps = min(MOST, max(1, math.ceil(length * STEPS / math.log1p(tolerance))))
    found = {round(math.expm1(axis(low) + length * k / steps)) for k in range(steps + 1)}
    return sorted({level for level in found if low <= level <= high} | {low, high})


def gaps(places: list[float]) -> list[float]:
    """Return a place for the turn below all levels, between each two neighbours, above all."""
    middles = [(left + right) / 2 for left, right in pairwise(places)]
    step = places[1] - places[0], places[-1] - places[-2]
    return [places[0] - step[0] / 2, *middles, places[-1] + step[1] / 2]
