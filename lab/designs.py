"""What a claim's page section shows of its design and of its data, beyond the verdict. Pure.

The arms and the places that decide; the numbers block by block; the ladders of its own arms. All
of it is what the verdict was made from, none of it makes one.
"""

import math
from collections.abc import Sequence

from lab import series
from lab.cells import arms, rungs
from lab.claims import Claim, LadderClaim, LimitClaim, ReplicationClaim
from lab.context import on_log_scale
from lab.data import Data
from lab.decision import LOOK_ALPHA, Scale
from lab.metrics import METRICS
from lab.model import Plan
from lab.report import words
from lab.report.model import Estimate, Ladder, Point, Series
from lab.schema import Lab
from lab.stats.signed_rank import estimated


def place(lab: Lab, plan: Plan, claim: Claim) -> str:
    """Say at which levels a claim is decided: `idle 900`, `idle 10, 100, 900`; "": it has none."""
    if isinstance(claim, LimitClaim) or not claim.experiment:
        return ""
    if isinstance(claim, LadderClaim | ReplicationClaim):
        steps = rungs(lab.experiments[claim.experiment], plan.profile, claim)
        over = f"{claim.over} {', '.join(f'{step:,}' for step in steps)}" if steps else ""
        return "; ".join(filter(None, [over, words.factors(claim.at)]))
    found = " and ".join(filter(None, map(words.factors, claim.at)))
    against = getattr(claim, "against", None)
    return f"{found}, against {words.factors(against)}" if against else found


def compared(claim: Claim) -> list[str]:
    """Return the arms of a claim, each once."""
    return list(dict.fromkeys(arms(claim)))


def blocks(lab: Lab, plan: Plan, data: Data, claim: Claim) -> list[Series]:
    """Return what a claim compares, block by block; none of probes, programs and ladders alone."""
    return [_series(one, claim) for one in series.of(lab, plan, data, claim.id) if one.values]


def _series(one: series.Series, claim: Claim) -> Series:
    found = estimated(one.values, LOOK_ALPHA)
    is_ratio = one.scale is Scale.RATIO
    real = math.exp if is_ratio else float
    ends = [real(end) if math.isfinite(end) else None for end in (found.low, found.high)]
    metric = METRICS[getattr(claim, "metric", "") or "cpu"]
    return Series(
        name=one.name,
        scale="ratio" if is_ratio else "difference",
        unit="" if is_ratio else metric.unit,
        blocks=[block + 1 for block in one.blocks],
        values=[real(value) for value in one.values],
        estimate=Estimate(value=real(found.estimate), low=ends[0], high=ends[1]),
    )


def ladders(lab: Lab, plan: Plan, data: Data, claim: Claim) -> list[Ladder]:
    """Return the cost of each arm of a ladder claim, level by level, in the blocks all share."""
    if not isinstance(claim, LadderClaim):
        return []
    named = compared(claim)
    used, levels, found = series.ladder_rows(lab, plan, data, claim, named)
    if not used:
        return []
    return [_ladder(claim, arm, levels, rows) for arm, rows in zip(named, found, strict=True)]


def _ladder(
    claim: LadderClaim, arm: str, levels: Sequence[float], rows: Sequence[Sequence[float]]
) -> Ladder:
    points = [
        Point(level=round(level), y=on_log_scale(column), blocks=len(column))
        for level, *column in zip(levels, *rows, strict=True)
        if min(column) > 0
    ]
    return Ladder(
        experiment=claim.experiment,
        factor=claim.over,
        arm=arm,
        metric=claim.metric,
        unit=METRICS[claim.metric].unit,
        points=points,
        verdict="",
    )
