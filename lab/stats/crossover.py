"""The level from which one arm wins: where ln(A/B) starts to exceed a threshold.

blocks[b][j] is ln(y_A/y_B) at levels[j] in block b. Each block is drawn as a line through its
levels; the interval is the set of x at which the threshold lies inside the signed-rank interval of
the lines at x (test inversion: it covers the true crossing as often as the interval covers a
median). Between two levels every Walsh average is a straight line, so it passes the threshold
once, and the set is found exactly by walking over those passages: no grid, no tolerance.

Lines are drawn over ln(1 + x). Levels are spread by factors (1, 10, 100 ...) and may start at 0,
and the log ratio of two costs a + b*x is a smooth step in ln x; drawn over x itself a crossing at
200 between the levels 100 and 1000 would be reported far too high. The interval knows the noise,
not the drawing: how far a crossing lies from its estimate is also limited by the levels around it.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, groupby, pairwise

from lab.stats.signed_rank import critical_k
from lab.stats.values import ascending, finite


class CrossoverState(StrEnum):
    FOUND = "found"
    BELOW_RANGE = "below-range"
    ABOVE_RANGE = "above-range"
    NONE_IN_RANGE = "none-in-range"
    NOT_MONOTONE = "not-monotone"


@dataclass(frozen=True)
class Crossover:
    """low, high: None where the interval is open, below the lowest or above the highest level.

    is_decided: both ends of the range lie surely on one side each and at most one piece of it is
    open. Only then does a state other than found rule a crossing out.
    """

    state: CrossoverState
    estimate: float | None
    low: float | None
    high: float | None
    is_decided: bool
    why: str


@dataclass(frozen=True)
class _Stretch:
    """A maximal stretch of levels on one side: -1 below the threshold, +1 above it, 0 open."""

    side: int
    first: float
    last: float


def find(
    levels: Sequence[float], blocks: Sequence[Sequence[float]], alpha: float, threshold: float = 0.0
) -> Crossover:
    """Where the log ratios of blocks start to exceed threshold, at level alpha. Levels are >= 0."""
    x = ascending(levels)
    if x[0] < 0:
        raise ValueError(f"The lowest level is {x[0]}; levels are counts.")
    rows = [finite(row, f"block {number}") for number, row in enumerate(blocks)]
    if any(len(row) != len(x) for row in rows):
        raise ValueError(f"Each block needs one log ratio for each of the {len(x)} levels.")
    averages = [
        [(a + b) / 2 - threshold for a, b in zip(rows[i], rows[j], strict=True)]
        for i in range(len(rows))
        for j in range(i, len(rows))
    ]
    k = critical_k(len(rows), alpha)
    if k is None:
        return _open(f"{len(rows)} blocks are too few for an interval.")
    return _judged(
        _stretches(x, averages, allowed=len(averages) - 1 - k),
        _stretches(x, averages, allowed=len(averages) // 2),
        x,
    )


def _judged(sides: list[_Stretch], middle: list[_Stretch], x: list[float]) -> Crossover:
    """The state that follows from the sides of the interval and those of the median."""
    begin, end = sides[0].side, sides[-1].side
    pieces = [stretch for stretch in sides if stretch.side == 0]
    if len(pieces) > 1:
        why = f"The ratio meets the threshold in {len(pieces)} separate places."
        return Crossover(CrossoverState.NOT_MONOTONE, None, None, None, is_decided=False, why=why)
    if begin == end != 0 and not pieces:
        edge = sides[0].first if begin > 0 else sides[-1].last
        return _outside(begin, edge, is_decided=True)
    if begin > 0 > end:
        why = "The ratio starts above the threshold and falls through it."
        return Crossover(CrossoverState.NONE_IN_RANGE, None, None, None, is_decided=True, why=why)
    if begin > 0 or end < 0 or begin == end:
        return _open("The ratio neither starts surely below nor ends surely above the threshold.")
    low = pieces[0].first if begin else None
    high = pieces[0].last if end else None
    crossing = _crossing(middle)
    if crossing is None:
        return _outside(begin + end, pieces[0].last if end else pieces[0].first, is_decided=False)
    why = f"The ratio passes the threshold near {crossing:.4g} ({_span(low, high, x)})."
    is_found = low is not None and high is not None
    return Crossover(CrossoverState.FOUND, crossing, low, high, is_decided=is_found, why=why)


def _span(low: float | None, high: float | None, x: list[float]) -> str:
    """The interval, and the levels around it: these were measured, what is between was drawn."""
    if low is None:
        return f"open below; above it from the level {min(v for v in x if v > (high or 0)):g} on"
    if high is None:
        return f"open above; below it up to the level {max(v for v in x if v < low):g}"
    under, over = max(v for v in x if v < low), min(v for v in x if v > high)
    return f"{low:.4g} to {high:.4g}, between the levels {under:g} and {over:g}"


def _outside(side: int, edge: float, *, is_decided: bool) -> Crossover:
    """The crossing is, surely or by its estimate only, outside the levels that were measured."""
    if side < 0:
        how = "" if is_decided else f" by its estimate, and surely so up to {edge:.3g}"
        why = f"The ratio stays below the threshold up to the highest level{how}."
        return Crossover(CrossoverState.ABOVE_RANGE, None, edge, None, is_decided, why)
    how = "" if is_decided else f" by its estimate, and surely so from {edge:.3g} on"
    why = f"The ratio exceeds the threshold from the lowest level on{how}."
    return Crossover(CrossoverState.BELOW_RANGE, None, None, edge, is_decided, why)


def _open(why: str) -> Crossover:
    return Crossover(CrossoverState.NONE_IN_RANGE, None, None, None, is_decided=False, why=why)


def _crossing(middle: list[_Stretch]) -> float | None:
    """Midway (on the axis) between the median's first and last meeting with the threshold."""
    if not middle[0].side < 0 < middle[-1].side:
        return None
    met = [stretch for stretch in middle if stretch.side == 0]
    return math.expm1((math.log1p(met[0].first) + math.log1p(met[-1].last)) / 2)


def _stretches(x: list[float], averages: list[list[float]], allowed: int) -> list[_Stretch]:
    """The range, cut where the side changes. Open stretches hold their ends."""
    walk = chain.from_iterable(
        _walk(ends, [(row[j], row[j + 1]) for row in averages], allowed)
        for j, ends in enumerate(pairwise(x))
    )
    groups = [list(group) for _, group in groupby(walk, key=lambda step: step[1])]
    return [_Stretch(group[0][1], group[0][0], group[-1][0]) for group in groups]


def _walk(
    levels: tuple[float, float], lines: list[tuple[float, float]], allowed: int
) -> list[tuple[float, int]]:
    """(level, side) at the left level, in the gap after it, at the first passage, in the gap ...

    Side: -1 where more than allowed lines are below the threshold, +1 above, 0 otherwise.
    """
    leaving: defaultdict[float, list[int]] = defaultdict(list, {0.0: [], 1.0: []})
    entering: defaultdict[float, list[int]] = defaultdict(list)
    for start, end in lines:
        if _sign(start) != _sign(end):
            place = start / (start - end)  # 0 or 1 where a line starts or ends on the threshold
            leaving[place].append(_sign(start))
            entering[place].append(_sign(end))
    count = Counter(_sign(start) for start, _ in lines)
    steps = []
    for place in sorted(leaving):
        count.subtract(leaving[place])
        steps.append((_level(levels, place), _side(count, allowed)))
        count.update(entering[place])
        steps.append((_level(levels, place), _side(count, allowed)))
    return steps[:-1]  # no gap follows the right level


def _level(levels: tuple[float, float], place: float) -> float:
    """The level at that part of the way; the two ends exactly."""
    if place in (0.0, 1.0):
        return levels[int(place)]
    bottom, top = (math.log1p(level) for level in levels)
    return math.expm1(bottom + place * (top - bottom))


def _side(count: Counter[int], allowed: int) -> int:
    return int(count[1] > allowed) - int(count[-1] > allowed)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
