"""Many claims at once: adjusted p values.

An adjusted p is compared with the family's level directly. Input order is kept.
Sources: Benjamini & Hochberg, JRSS B 57 (1995); Holm, Scand. J. Statist. 6 (1979).
"""

from collections.abc import Sequence
from itertools import accumulate


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """False discovery rate: p * m / rank (rank from 1), running minimum from the largest down."""
    order = _ascending(p)
    scaled = [p[place] * len(p) / rank for rank, place in enumerate(order, start=1)]
    return _placed(order[::-1], list(accumulate(reversed(scaled), min)))


def holm(p: Sequence[float]) -> list[float]:
    """Family-wise error: (m - k) * p (k from 0), running maximum from the smallest up."""
    order = _ascending(p)
    scaled = [p[place] * (len(p) - k) for k, place in enumerate(order)]
    return _placed(order, list(accumulate(scaled, max)))


def _ascending(p: Sequence[float]) -> list[int]:
    for place, value in enumerate(p):
        if not 0 <= value <= 1:  # NaN fails too
            raise ValueError(f"p[{place}] is {value}; a p value lies between 0 and 1.")
    return sorted(range(len(p)), key=p.__getitem__)


def _placed(order: Sequence[int], adjusted: Sequence[float]) -> list[float]:
    """The adjusted values back at the places they came from, capped at 1."""
    result = [0.0] * len(order)
    for place, value in zip(order, adjusted, strict=True):
        result[place] = min(1.0, value)
    return result
