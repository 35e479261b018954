"""How a metric grows over levels that were all measured inside each block.

levels[j] is what was varied (connections, bytes), blocks[b][j] the metric (> 0) at that level in
block b. Each block gives three numbers, each gets its signed-rank interval over the blocks:

end to end    g = ln(y_K / y_0)
slope         least squares, in units of y per unit of level
straightness  D = mean over inner j of (y_j-y_0)/(y_K-y_0) - (x_j-x_0)/(x_K-x_0);
              0 straight, > 0 concave, < 0 convex; no D where |y_K-y_0| < 0.1 y_0

Two classes overlap: a D that is surely not 0 and surely inside the margin is a straight line for
every purpose, so linear is asked first. It must have been possible to see a bend, though: D of a
rising curve lies between -r and 1-r, r the mean place of the inner levels in the range. Levels such
as 1, 10, 100, 1000 (r = 0.05) put every convex curve inside the margin; there nothing is linear.
A curve fit is a picture, never a verdict.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from lab.stats.signed_rank import estimated
from lab.stats.values import Estimate, as_ratios, ascending, positive

GROWS = 1.5  # end to end: below it "grows" is not worth a sentence
STRAIGHT = 0.15  # |D|: a line bent by less is still a line to its reader
FLAT = (0.80, 1.25)  # end to end, symmetric in logs: the smallest effect anybody would plan for
TOO_FLAT = 0.1  # of y_0: dividing by a smaller rise would only blow up noise


class GrowthClass(StrEnum):
    LINEAR = "linear"
    SUBLINEAR = "sublinear"
    SUPERLINEAR = "superlinear"
    CONSTANT = "constant"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Growth:
    """A class and what it rests on; straightness is None where no block has a D."""

    kind: GrowthClass
    end_to_end: Estimate  # exp(g): a ratio
    slope: Estimate
    straightness: Estimate | None
    blocks: int
    why: str

    @property
    def grows(self) -> bool:
        """Is it surely not constant, whatever its shape?"""
        return _grows(self.end_to_end, self.slope)


def classify(levels: Sequence[float], blocks: Sequence[Sequence[float]], alpha: float) -> Growth:
    """The growth class of blocks over levels, each interval at level alpha."""
    x, rows = _table(levels, blocks)
    g = estimated(end_to_end(rows), alpha)
    slope = estimated([_slope(x, row) for row in rows], alpha)
    bends = [bend for row in rows if (bend := _straightness(x, row)) is not None]
    straightness = estimated(bends, alpha) if bends else None
    ratio = as_ratios(g)
    kind, why = _kind(ratio, slope, straightness, shows_bends(x))
    return Growth(kind, ratio, slope, straightness, len(rows), why)


def end_to_end(blocks: Sequence[Sequence[float]]) -> list[float]:
    """The log ratio g of each block."""
    return [math.log(row[-1]) - math.log(row[0]) for row in blocks]


def slope_differences(
    levels: Sequence[float],
    blocks_a: Sequence[Sequence[float]],
    blocks_b: Sequence[Sequence[float]],
    fraction: float,
) -> list[float]:
    """slope_A - fraction * slope_B per block. A ratio of slopes would break near zero."""
    x, rows_a = _table(levels, blocks_a)
    _, rows_b = _table(levels, blocks_b)
    if len(rows_a) != len(rows_b):
        raise ValueError(f"{len(rows_a)} blocks of A, {len(rows_b)} of B: blocks must be paired.")
    return [_slope(x, a) - fraction * _slope(x, b) for a, b in zip(rows_a, rows_b, strict=True)]


def slope_at_most(
    levels: Sequence[float],
    blocks_a: Sequence[Sequence[float]],
    blocks_b: Sequence[Sequence[float]],
    fraction: float,
    alpha: float,
) -> Estimate:
    """slope_A - fraction * slope_B; "A's is at most that fraction of B's" where wholly < 0."""
    return estimated(slope_differences(levels, blocks_a, blocks_b, fraction), alpha)


def _kind(
    ratio: Estimate, slope: Estimate, straightness: Estimate | None, bends_show: bool
) -> tuple[GrowthClass, str]:
    grown = f"{ratio.estimate:.3g} times end to end ({ratio.low:.3g} to {ratio.high:.3g})"
    if FLAT[0] < ratio.low and ratio.high < FLAT[1]:
        return GrowthClass.CONSTANT, f"{grown}, inside {FLAT[0]:g} to {FLAT[1]:g}."
    if not _grows(ratio, slope):
        return GrowthClass.INCONCLUSIVE, f"{grown}: neither surely flat nor surely growing."
    if straightness is None:
        return GrowthClass.INCONCLUSIVE, f"{grown}, but without a D nothing tells how straight."
    kind, bend = _bent(straightness, bends_show)
    span = f"{straightness.low:.2f} to {straightness.high:.2f}"
    return kind, f"{grown}, D {straightness.estimate:.2f} ({span}) {bend}."


def _grows(ratio: Estimate, slope: Estimate) -> bool:
    return ratio.low >= GROWS and slope.low > 0


def _bent(straightness: Estimate, bends_show: bool) -> tuple[GrowthClass, str]:
    """The class of something that grows, and the words for its D."""
    if bends_show and straightness.low > -STRAIGHT and straightness.high < STRAIGHT:
        return GrowthClass.LINEAR, f"inside ±{STRAIGHT}"
    if straightness.low > 0:
        return GrowthClass.SUBLINEAR, "above 0: growth slows down"
    if straightness.high < 0:
        return GrowthClass.SUPERLINEAR, "below 0: growth speeds up"
    if not bends_show:
        return GrowthClass.INCONCLUSIVE, "says little: inner levels too near one end to show a bend"
    return GrowthClass.INCONCLUSIVE, "leaves open how straight"


def shows_bends(x: Sequence[float]) -> bool:
    """Could D leave the margin on either side, with these levels? They ascend."""
    inner = [(level - x[0]) / (x[-1] - x[0]) for level in x[1:-1]]
    return bool(inner) and STRAIGHT < fmean(inner) < 1 - STRAIGHT


def _table(
    levels: Sequence[float], blocks: Sequence[Sequence[float]]
) -> tuple[list[float], list[list[float]]]:
    x = ascending(levels)
    for number, row in enumerate(blocks):
        if len(row) != len(x):
            raise ValueError(f"Block {number} has {len(row)} values for {len(x)} levels.")
    return x, [positive(row, f"block {number}") for number, row in enumerate(blocks)]


def _slope(x: Sequence[float], y: Sequence[float]) -> float:
    centre = fmean(x)
    lever = [value - centre for value in x]
    moved = sum(arm * value for arm, value in zip(lever, y, strict=True))
    return moved / sum(arm * arm for arm in lever)


def _straightness(x: Sequence[float], y: Sequence[float]) -> float | None:
    rise, run = y[-1] - y[0], x[-1] - x[0]
    inner = [
        (b - y[0]) / rise - (a - x[0]) / run
        for a, b in zip(x[1:-1], y[1:-1], strict=True)
        if abs(rise) >= TOO_FLAT * y[0]
    ]
    return fmean(inner) if inner else None
