"""Where the turn cannot be: a confidence set that holds at any time, for any choice of levels.

Claim of a gap x: "the turn is here", that is: below x an answer is yes in at most half of the
trials, above x in at least half. Nothing else is supposed: no curve, no noise of a known size.

Against each gap runs a bet. Before a trial at level i somebody (lab.search.belief) says with which
chance q the answer will be yes. Where q says what the gap's claim allows, nothing is staked. Where
it does not (q above one half below x, or below one half above it) the stake is multiplied by
2q or 2(1 - q), whichever came true. If the claim is true that is a supermartingale: it never
reaches 1/alpha with a chance of more than alpha, however levels were chosen and whenever the search
ends (Ville's inequality). So a gap is given up for good when its bet reaches 1/alpha, and the true
one is kept with a chance of 1 - alpha at least. A bad q costs trials, never truth.

Sources: Grünwald, de Heide, Koolen, Safe Testing, JRSS B 2024 (a bet against the nearest point of
a composite claim); Waudby-Smith, Ramdas, JRSS B 2024 (betting on means); Waeber, Frazier,
Henderson, SIAM J. Control Optim. 2013 (bisection by noisy answers). Pure.
"""

import math

ALPHA = 0.05  # of the whole interval: both ends, all levels, all looks


class Evidence:
    """Bets against each gap. Gap g lies below level g; the last one above all levels."""

    def __init__(self, levels: int, alpha: float = ALPHA) -> None:
        self._logs = [0.0] * (levels + 1)
        self._best = [0.0] * (levels + 1)
        self._enough = math.log(1 / alpha)

    def add(self, level: int, chance: float, *, yes: bool) -> None:
        """Settle the bets on a trial at that level; chance: of a yes, said before it."""
        gain = math.log(2 * (chance if yes else 1 - chance))
        against = range(level + 1) if chance < 0.5 else range(level + 1, len(self._logs))
        for gap in against:
            self._logs[gap] += gain
            self._best[gap] = max(self._best[gap], self._logs[gap])

    def missing(self, gap: int) -> float:
        """Return how much evidence a gap still lacks to be given up; 0: it has been."""
        if self._best[gap] >= self._enough:
            return 0.0
        return self._enough - self._logs[gap]

    def kept(self) -> tuple[int, int]:
        """Return the lowest and the highest gap that are kept; (1, 0) where none is."""
        left = [gap for gap, best in enumerate(self._best) if best < self._enough]
        return (left[0], left[-1]) if left else (1, 0)
