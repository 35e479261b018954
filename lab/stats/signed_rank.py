"""Exact one-sample signed-rank inference on paired log ratios.

d holds one number per block, natural log of A over B; nothing here knows what was measured.
Everything is exact: the null distribution is counted, never approximated, so 6 to 60 blocks are
treated alike. It assumes that d is symmetric, which random order inside blocks makes true when
the arms are equal. Equal means equal as floats.

Source: Hollander & Wolfe, Nonparametric Statistical Methods, sections 3.1 to 3.3.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, combinations_with_replacement, groupby, pairwise
from statistics import fmean, median
from typing import Literal

from lab.stats.values import Estimate, finite

Alternative = Literal["greater", "less"]


def walsh(d: Sequence[float]) -> list[float]:
    """The n(n+1)/2 Walsh averages (d_i + d_j)/2, i <= j, in ascending order."""
    return sorted((x + y) / 2 for x, y in combinations_with_replacement(finite(d, "d"), 2))


def estimate(d: Sequence[float]) -> float:
    """Hodges-Lehmann estimate of the centre of d: the median Walsh average."""
    if not d:
        raise ValueError("No blocks: there is nothing to estimate.")
    return median(walsh(d))


def interval(d: Sequence[float], alpha: float) -> tuple[float, float]:
    """Exact signed-rank interval of the centre of d at level alpha (two-sided).

    (-inf, inf) below smallest_n(alpha) blocks: no finite interval exists.
    The ends are averages[k] and averages[M-1-k] counted from 0 (textbooks count from 1).
    """
    k = critical_k(len(d), alpha)
    averages = walsh(d)
    return (-math.inf, math.inf) if k is None else (averages[k], averages[-1 - k])


def estimated(d: Sequence[float], alpha: float) -> Estimate:
    """Estimate and interval together."""
    return Estimate(estimate(d), *interval(d, alpha))


@lru_cache(maxsize=512)
def critical_k(n: int, alpha: float) -> int | None:
    """The largest k with P(W+ <= k) <= alpha/2 for n blocks; None where not even 0 will do."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; it must lie between 0 and 1.")
    cumulative = _cumulative(tuple(range(1, n + 1)))
    fitting = sum(1 for count in cumulative if count / (1 << n) <= alpha / 2)
    return fitting - 1 if fitting else None


def smallest_n(alpha: float) -> int:
    """The fewest blocks with a finite interval: ceil(1 + log2(1/alpha)), found by counting."""
    n = 1
    while critical_k(n, alpha) is None:
        n += 1
    return n


def p_value(d: Sequence[float], shift: float, alternative: Alternative) -> float:
    """Exact one-sided p of "the centre of d is greater (less) than shift".

    Zeros of d - shift are dropped, ties get their average rank, and the distribution is counted
    over the ranks that occurred, so it stays exact. 1.0 where nothing is left.
    """
    x = [value - shift for value in finite(d, "d") if value != shift]
    ranks = _doubled_ranks([abs(value) for value in x])
    against = -1.0 if alternative == "greater" else 1.0
    rank_sum = sum(rank for rank, value in zip(ranks, x, strict=True) if value * against > 0)
    return _cumulative(tuple(sorted(ranks)))[rank_sum] / (1 << len(x))


def autocorrelation(d: Sequence[float]) -> float:
    """Lag-1 autocorrelation r1 of d in block order; 0.0 where d does not vary.

    |r1| > 2/sqrt(n) says that blocks are not independent of their neighbours (Box & Jenkins).
    """
    if not d:
        return 0.0
    centre = fmean(finite(d, "d"))
    x = [value - centre for value in d]
    spread = sum(value * value for value in x)
    return sum(left * right for left, right in pairwise(x)) / spread if spread else 0.0


def _doubled_ranks(sizes: Sequence[float]) -> list[int]:
    """Twice the average rank of each size, so that ties stay integers."""
    ranks = [0] * len(sizes)
    below = 0
    order = sorted(range(len(sizes)), key=sizes.__getitem__)
    for _, tied in groupby(order, key=sizes.__getitem__):
        group = list(tied)
        for place in group:
            ranks[place] = 2 * below + len(group) + 1
        below += len(group)
    return ranks


@lru_cache(maxsize=512)  # without ties the ranks, and so the table, depend on n alone
def _cumulative(ranks: tuple[int, ...]) -> tuple[int, ...]:
    """How many of the 2**n sign patterns have a positive rank sum <= 0, 1, ... sum(ranks)."""
    counts = [1]
    for rank in ranks:
        counts += [0] * rank
        counts = [
            count + (counts[total - rank] if total >= rank else 0)
            for total, count in enumerate(counts)
        ]
    return tuple(accumulate(counts))
