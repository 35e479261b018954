"""The sign e-process: a test of a median that may be looked at after every block.

Under "the median is the margin" a block lies above it with probability 1/2. Bets on the sign, mixed
over all probabilities with the Beta(1/2, 1/2) prior, give after W blocks above and L below

    E = 2^(W+L) B(W + 1/2, L + 1/2) / B(1/2, 1/2),

a martingale that starts at 1. The chance that it ever reaches 1/alpha is at most alpha (Ville), so
one may stop at any block, for any reason. Blocks exactly on the margin are left out. It needs no
symmetry, and pays for that and for its patience: it takes more blocks than the planned looks.

For a median below the margin, "E is large and W > L" is rarer still: that event is W >= f(W + L),
and W falls with the probability. So one process serves both one-sided questions.

Sources: Robbins, Ann. Math. Statist. 41 (1970); Ramdas et al., Statistical Science 38 (2023).
"""

import math
from collections.abc import Sequence
from functools import lru_cache

from lab.stats.values import finite


def log_e(wins: int, losses: int) -> float:
    """Return ln E after so many blocks above and below the margin."""
    if wins < 0 or losses < 0:
        raise ValueError(f"{wins} above and {losses} below: counts are not negative.")
    return (wins + losses) * math.log(2) + _log_beta(wins, losses) - _log_beta(0, 0)


def e_value(d: Sequence[float], margin: float) -> float:
    """E of "the median of d is the margin", after all of d."""
    above, below = _signs(d, margin)
    return math.exp(log_e(above, below))


def side(d: Sequence[float], margin: float, alpha: float) -> int:
    """+1: the median of d lies surely above the margin, -1: below, 0: open. After all of d."""
    above, below = _signs(d, margin)
    if log_e(above, below) < -math.log(alpha):
        return 0
    return 1 if above > below else -1


def interval(d: Sequence[float], alpha: float) -> tuple[float, float]:
    """All margins that the process does not reject after d; (-inf, inf) where it can reject none.

    Valid at every block: the chance that it ever misses the median is at most alpha.
    """
    fewest = _most_losses(len(d), alpha)
    if fewest is None:
        return -math.inf, math.inf
    ordered = sorted(finite(d, "d"))
    return ordered[fewest], ordered[-1 - fewest]


def fewest(alpha: float) -> int:
    """The fewest blocks that can decide: all of them on one side."""
    n = 1
    while log_e(n, 0) < -math.log(alpha):
        n += 1
    return n


@lru_cache(maxsize=1024)
def _most_losses(n: int, alpha: float) -> int | None:
    """The most blocks on the lesser side with which n blocks reject; None: n never do."""
    fitting = [
        losses for losses in range((n + 1) // 2) if log_e(n - losses, losses) >= -math.log(alpha)
    ]
    return fitting[-1] if fitting else None


def _signs(d: Sequence[float], margin: float) -> tuple[int, int]:
    found = finite(d, "d")
    return sum(value > margin for value in found), sum(value < margin for value in found)


def _log_beta(wins: int, losses: int) -> float:
    return math.lgamma(wins + 0.5) + math.lgamma(losses + 0.5) - math.lgamma(wins + losses + 1)
