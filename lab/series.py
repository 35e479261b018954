"""What a claim looks at, block by block: one series of numbers for each thing that it compares.

Pure. The same series decide a claim (`lab.rules`), are shuffled (`lab.shuffling`), and are held
against those of another run (`lab.comparing`). A series is by block, so that two of the same blocks
can be paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lab.cells import arms, ladder, needed_by, pairs
from lab.claims import (
    Claim,
    CrossoverClaim,
    DifferenceClaim,
    GrowthClaim,
    LadderClaim,
    LimitClaim,
    MeasuredClaim,
    OrderClaim,
    ReplicationClaim,
    SlopeClaim,
    SlopeOrderClaim,
)
from lab.data import Data
from lab.decision import Scale
from lab.measure import ACTIVE
from lab.model import ClassName, Plan
from lab.schema import Lab
from lab.stats import growth
from lab.stats.values import log_ratios


@dataclass(frozen=True)
class Series:
    """name: what is compared. scale: RATIO, then values are logs; or DIFFERENCE, as measured.

    exchanged: what they would be with the labels of the two arms exchanged; of one arm: none.
    """

    name: str
    scale: Scale
    blocks: tuple[int, ...]
    values: tuple[float, ...]
    exchanged: tuple[float, ...] = ()

    @property
    def by_block(self) -> dict[int, float]:
        return dict(zip(self.blocks, self.values, strict=True))


def classes_of(claim: Claim) -> tuple[ClassName, ...]:
    """Return whose latency a claim is about; for other metrics every class that asks."""
    named = getattr(claim, "connection_class", None)
    return (named,) if named else ACTIVE


def of(lab: Lab, plan: Plan, data: Data, name: str) -> list[Series]:
    """Return the series of a claim; none of a probe, a program, a replication or a crossover."""
    claim = lab.claims[name]
    match claim:
        case LimitClaim() | ReplicationClaim() | CrossoverClaim():
            return []
        case GrowthClaim():
            blocks, _, (rows,) = ladder_rows(lab, plan, data, claim, [claim.arm])
            found = growth.end_to_end(rows)
            return [Series(claim.arm, Scale.RATIO, tuple(blocks), tuple(found))]
        case SlopeClaim():
            return [_slopes(lab, plan, data, claim, arms(claim), claim.at_most)]
        case SlopeOrderClaim():
            steps = pairwise(claim.order)
            return [_slopes(lab, plan, data, claim, step, claim.margin) for step in steps]
        case _:
            return [_pair(data, claim, a, b) for a, b in compared(lab, plan, name)]


def compared(lab: Lab, plan: Plan, name: str) -> list[tuple[str, str]]:
    """Return the pairs of cells of a claim at places: each arm with the next one."""
    claim = lab.claims[name]
    if not isinstance(claim, OrderClaim):
        return pairs(lab, plan.profile, name)
    cells, n = needed_by(lab, plan.profile, name), len(claim.at)
    groups = [cells[start : start + n] for start in range(0, len(cells), n)]
    return [pair for a, b in pairwise(groups) for pair in zip(a, b, strict=True)]


def _pair(data: Data, claim: MeasuredClaim, a: str, b: str) -> Series:
    blocks, rows = data.common([a, b], claim.metric, classes_of(claim))
    first, second = [row[0] for row in rows], [row[1] for row in rows]
    if isinstance(claim, DifferenceClaim):
        less = tuple(x - y for x, y in zip(first, second, strict=True))
        return Series(f"{a} - {b}", Scale.DIFFERENCE, tuple(blocks), less, _minus(less))
    ratios = tuple(log_ratios(first, second))
    return Series(f"{a} : {b}", Scale.RATIO, tuple(blocks), ratios, _minus(ratios))


def _minus(values: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(-value for value in values)


def _slopes(
    lab: Lab, plan: Plan, data: Data, claim: LadderClaim, of_arms: Sequence[str], times: float
) -> Series:
    blocks, levels, (a, b) = ladder_rows(lab, plan, data, claim, of_arms)
    found = growth.slope_differences(levels, a, b, times)
    exchanged = growth.slope_differences(levels, b, a, times)
    name = f"slope of {of_arms[0]} - {times:g} x slope of {of_arms[1]}"
    return Series(name, Scale.DIFFERENCE, tuple(blocks), tuple(found), tuple(exchanged))


def ladder_rows(
    lab: Lab, plan: Plan, data: Data, claim: LadderClaim, of_arms: Sequence[str]
) -> tuple[list[int], list[float], list[list[list[float]]]]:
    """Return blocks, levels, and per arm the rows of the blocks that all cells of them share."""
    steps = [ladder(lab, plan.profile, claim.id, arm) for arm in of_arms]
    cells = [cell for arm in steps for _, cell in arm]
    blocks, rows = data.common(cells, claim.metric, classes_of(claim))
    n = len(steps[0])
    split = [[row[i * n : (i + 1) * n] for row in rows] for i in range(len(of_arms))]
    return blocks, [float(level) for level, _ in steps[0]], split
