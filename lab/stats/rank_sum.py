"""Exact two-sample shift: how much larger is b than a, where nothing pairs them?

The Hodges-Lehmann estimate is the median of all differences b_j - a_i; the interval takes the same
differences in order, as far in from both ends as the Mann-Whitney count allows. The distribution of
that count is counted, never approximated.

Source: Hollander & Wolfe, Nonparametric Statistical Methods, sections 4.1 to 4.3 (Moses).
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from statistics import median

from lab.stats.values import Estimate, finite


def shift(a: Sequence[float], b: Sequence[float], alpha: float) -> Estimate:
    """Estimate and interval at level alpha (two-sided) of the shift from a to b.

    Infinite ends where so few values have no finite interval; ValueError where there are none.
    """
    if not a or not b:
        raise ValueError("No values on one side: there is no shift to estimate.")
    differences = sorted(y - x for x in finite(a, "a") for y in finite(b, "b"))
    k = critical_k(len(a), len(b), alpha)
    if k is None:
        return Estimate(median(differences), -math.inf, math.inf)
    return Estimate(median(differences), differences[k], differences[-1 - k])


@lru_cache(maxsize=256)
def critical_k(m: int, n: int, alpha: float) -> int | None:
    """The largest k with P(U <= k) <= alpha/2 for samples of m and n; None where not even 0 is."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; it must lie between 0 and 1.")
    cumulative = list(accumulate(_counts(m, n)))
    fitting = sum(1 for count in cumulative if count / cumulative[-1] <= alpha / 2)
    return fitting - 1 if fitting else None


def _counts(m: int, n: int) -> list[int]:
    """How many of the orders of m and n values have the Mann-Whitney count 0, 1, ... m*n.

    The Gaussian binomial coefficient: the product of (1 - q^(n+i)) / (1 - q^i), i = 1 ... m.
    """
    size = m * n + 1
    counts = [1] + [0] * (size - 1)
    for i in range(1, m + 1):
        for total in range(size - 1, n + i - 1, -1):
            counts[total] -= counts[total - n - i]
        for total in range(i, size):
            counts[total] += counts[total - i]
    return counts
