"""A search for the level at which a yes-or-no answer turns from mostly no to mostly yes.

Told answers one by one, it says what to ask next, what is known so far, and when it is known well
enough. Deterministic: the same answers in the same order give the same search, so that a stored run
can be read again. Pure.

What is asked: first the levels of the survey, each once. Then, while the guess is wide, its middle.
Then the level whose next answers will shorten the interval most for a trial: near the guess, but
not on it, where an answer says nothing. Where some level contradicts the picture, one question in
five goes there.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from lab.search.axis import axis
from lab.search.belief import Belief
from lab.search.evidence import ALPHA, Evidence

WIDE = 0.1  # of the guess on either side of the range that counts as "wide"
CANDIDATES = 8  # levels on either side of the guess that are weighed against each other
NEAR = 4  # tolerances: a guess that is no wider is near enough to ask beside it
EXPLORE = 15  # questions at most that go to the middle of the guess
PATIENCE = 10.0  # trials for a first end of the interval
CUT = 1.1  # below a level at which nobody can tell
AUDIT = 5  # one question of so many goes where the picture is contradicted
RARE = 200.0  # a bet on one level alone that reached this is no accident (of a dozen levels)


class State(StrEnum):
    """What is known. ABOVE, BELOW: the turn is surely beyond the highest, the lowest level."""

    FOUND = "found"
    ABOVE = "above"
    BELOW = "below"
    OPEN = "open"
    NOT_MONOTONE = "not-monotone"


@dataclass(frozen=True)
class Found:
    """low: the highest level that is surely below the turn; high: the lowest surely above it.

    None: no level is. estimate: the most likely place, None where it is outside of the levels.
    """

    state: State
    estimate: float | None
    low: int | None
    high: int | None


@dataclass
class Threshold:
    """levels: ascending. survey: indices asked first. most: answers expected, for patience only.

    careful: never ask more than twice the highest level that answered no, nor before there is one
    more than the first one of the survey.
    """

    levels: Sequence[int]
    tolerance: float
    survey: Sequence[int] = ()
    careful: bool = False
    most: int = 60
    alpha: float = ALPHA
    asked: int = 0
    counts: dict[int, list[int]] = field(default_factory=dict)  # level -> [noes, yeses]

    def __post_init__(self) -> None:
        self._index = {level: place for place, level in enumerate(self.levels)}
        self._belief = Belief([axis(level) for level in self.levels])
        self._evidence = Evidence(len(self.levels), self.alpha)
        self._top = len(self.levels) - 1  # no level above it can be asked

    def add(self, level: int, *, yes: bool) -> None:
        """Take the answer of one trial at a level in."""
        place = self._index[level]
        self._evidence.add(place, self._belief.chance(place), yes=yes)
        self._belief.add(place, yes=yes)
        self.counts.setdefault(level, [0, 0])[yes] += 1
        self.asked += 1

    def cut(self, level: int) -> None:
        """Ask nothing at this level any more, nor as near to it as is exact enough."""
        below = [i for i, one in enumerate(self.levels) if (1 + one) * CUT <= 1 + level]
        self._top = min(self._top, max(below, default=0))

    @property
    def top(self) -> int:
        """The highest level that may still be asked."""
        return self.levels[self._top]

    def found(self) -> Found:
        """Say what is known."""
        first, last = self._evidence.kept()
        low = self.levels[first - 1] if first > 0 else None
        high = self.levels[last] if last < len(self.levels) else None
        if first > last or self._contradicted():
            return Found(State.NOT_MONOTONE, None, None, None)
        middle = min(max(self._belief.quantile(0.5), first), last)
        if last == 0:
            return Found(State.BELOW, None, None, high)
        if first == len(self.levels):
            return Found(State.ABOVE, None, low, None)
        state = State.FOUND if low is not None and high is not None else State.OPEN
        inside = 0 < middle < len(self.levels)
        return Found(state, self._between(middle) if inside else None, low, high)

    def done(self) -> bool:
        """Is it known well enough, or can it not be known at all?"""
        found = self.found()
        if found.state is not State.FOUND:
            held_at_top = found.low is not None and found.low >= self.top
            return found.state is not State.OPEN or held_at_top
        assert found.low is not None
        assert found.high is not None
        ratio = (1 + found.high) / (1 + found.low)
        return ratio <= 1 + self.tolerance or found.high - found.low <= 1

    def next(self) -> int:
        """Return the level to ask next."""
        for place in self.survey:
            if self.levels[place] not in self.counts and place <= self._top:
                return self.levels[place]
        strange = self._strange()
        if strange is not None and self.asked % AUDIT == 0:
            return strange
        low, high = self._belief.quantile(WIDE), self._belief.quantile(1 - WIDE)
        middle = self._belief.quantile(0.5)
        if self._ratio(low, high) > (1 + self.tolerance) ** NEAR and self.asked < EXPLORE:
            return self.levels[self._allowed(middle)]
        return self.levels[self._allowed(self._telling(middle))]

    def _ratio(self, low: int, high: int) -> float:
        last = len(self.levels) - 1
        below, above = self.levels[max(0, low - 1)], self.levels[min(last, high)]
        return (1 + above) / (1 + below)

    def _allowed(self, place: int) -> int:
        place = min(place, self._top)
        if not self.careful:
            return place
        held = [level for level, (noes, _) in self.counts.items() if noes]
        reach = 2 * max(held) if held else min(self.counts, default=self.levels[place])
        return max((i for i in range(place + 1) if self.levels[i] <= reach), default=0)

    def _telling(self, middle: int) -> int:
        """Return the place from which the wider side of the interval shortens most."""
        found = self.found()
        below, above = self._side(middle, lower=True), self._side(middle, lower=False)
        left = math.inf if found.low is None else self._off(found.low, middle)
        right = math.inf if found.high is None else self._off(found.high, middle)
        if left == right and below and above:  # two ends to be found: the one that is found sooner
            return min(below, above)[1]
        first, second = (below, above) if left >= right else (above, below)
        chosen = first or second
        return chosen[1] if chosen else min(middle, self._top)

    def _side(self, middle: int, *, lower: bool) -> tuple[float, int] | None:
        """Return (trials it takes, place) of the level to ask on one side of the guess, if any.

        An inner level shortens the interval more, an outer one sooner: the innermost that takes no
        more trials than there is patience for. A side without an end gets one first.
        """
        first, last = self._evidence.kept()
        known = first > 0 if lower else last < len(self.levels)
        off = self._finer(middle)
        places = (
            range(middle - 1 - off, first - 1, -1)
            if lower
            else range(middle + off, min(last, self._top + 1))
        )
        options = [
            (trials, place)
            for place in places[:: max(1, len(places) // CANDIDATES)]
            if (trials := self._trials(place, first, last, lower=lower)) < math.inf
        ]
        patience = max(PATIENCE, (self.most - self.asked) / 2) if known else PATIENCE
        inner = next((one for one in options if one[0] <= patience), None)
        return inner or min(options, default=None)

    def _finer(self, middle: int) -> int:
        """Return how many places beside the guess are nearer than anybody asks for."""
        if not 0 < middle < len(self.levels):
            return 0
        return 0 if self.levels[middle] - self.levels[middle - 1] <= 1 else 1

    def _trials(self, place: int, first: int, last: int, *, lower: bool) -> float:
        """Return how many trials there would end the interval there, if the guess is right."""
        gaps = range(first, place + 1) if lower else range(place + 1, last + 1)
        left = max((self._evidence.missing(gap) for gap in gaps), default=0.0)
        chance = self._belief.chance(place)
        if left == 0 or (chance >= 0.5) == lower:
            return math.inf
        growth = math.log(2) + chance * math.log(chance) + (1 - chance) * math.log(1 - chance)
        return left / max(growth, 1e-9)

    def _off(self, level: int, middle: int) -> float:
        """Return how far a level is from the guess, on the axis."""
        at = self.levels[min(max(middle, 0), len(self.levels) - 1)]
        return abs(axis(level) - axis(at))

    def _between(self, gap: int) -> float:
        return math.expm1((axis(self.levels[gap - 1]) + axis(self.levels[gap])) / 2)

    def _strange(self) -> int | None:
        """Return the level whose answers contradict the guess most; None: no level does."""
        worst, where = 0, None
        for level, (noes, yeses) in self.counts.items():
            expected = self._belief.chance(self._index[level]) > 0.5
            against = noes - yeses if expected else yeses - noes
            if against > worst:
                worst, where = against, level
        return where

    def _contradicted(self) -> bool:
        """Does one level surely say yes, and a higher one surely no?"""
        surely_yes = [lvl for lvl, (n, y) in self.counts.items() if y > n and _bet(n, y) >= RARE]
        surely_no = [lvl for lvl, (n, y) in self.counts.items() if n > y and _bet(n, y) >= RARE]
        return bool(surely_yes and surely_no) and min(surely_yes) < max(surely_no)


def _bet(noes: int, yeses: int) -> float:
    """Return what a bet against one half has won at one level (Krichevsky and Trofimov, 1981)."""
    n = noes + yeses
    log = n * math.log(2) + math.lgamma(noes + 0.5) + math.lgamma(yeses + 0.5)
    return math.exp(log - math.log(math.pi) - math.lgamma(n + 1))


def replayed(search: Threshold, answers: Iterable[tuple[int, bool]]) -> Threshold:
    """Tell a search all its answers again."""
    for level, yes in answers:
        search.add(level, yes=yes)
    return search
