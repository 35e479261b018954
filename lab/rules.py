"""From a claim's series to its decision: which rule of `lab.verdicts` speaks for which kind. Pure.

Cells that are declared must all hold; where some are supported and others refuted, the sentence is
conditional: it holds here, not there.
"""

from collections.abc import Callable

from lab import replicating
from lab.cells import arms, needed_by, rungs
from lab.claims import (
    BelowClaim,
    Claim,
    CompareClaim,
    CrossoverClaim,
    DifferenceClaim,
    EqualityClaim,
    GrowthClaim,
    OrderClaim,
    ReplicationClaim,
    SlopeClaim,
    SlopeOrderClaim,
    metric_of,
)
from lab.data import Data
from lab.model import Plan
from lab.replicating import Table
from lab.schema import Lab
from lab.series import classes_of, ladder_rows, of
from lab.verdicts import (
    Decision,
    GrowthClass,
    Sense,
    combine,
    judge_crossover,
    judge_difference,
    judge_growth,
    judge_ratio,
    log_ratios,
)

SENSES = {
    CompareClaim: Sense.AT_LEAST,
    EqualityClaim: Sense.ABOUT,
    BelowClaim: Sense.BELOW,
    OrderClaim: Sense.AT_LEAST,
}
SEQUENTIAL = (
    CompareClaim,
    EqualityClaim,
    BelowClaim,
    OrderClaim,
    DifferenceClaim,
    SlopeClaim,
    SlopeOrderClaim,
)  # kinds that may go on until they are decided: one number for each block and comparison
Rule = Callable[[Lab, Plan, Data, Claim], Decision]


def decide(lab: Lab, plan: Plan, data: Data, claim: Claim) -> Decision:
    """Decide a claim that stands on cells, from whatever blocks there are."""
    for kinds, rule in RULES:
        if isinstance(claim, kinds):
            return rule(lab, plan, data, claim)
    raise TypeError(f"no rule for {claim.kind}")


def most_blocks(plan: Plan, claim: Claim) -> int:
    """Return how many blocks a claim may use at most."""
    return plan.most if isinstance(claim, SEQUENTIAL) else max(plan.looks)


def _ratio(lab: Lab, plan: Plan, data: Data, claim: Claim) -> Decision:
    assert isinstance(claim, CompareClaim | EqualityClaim | BelowClaim | OrderClaim)
    decisions = {
        series.name: judge_ratio(
            series.values,
            SENSES[type(claim)],
            claim.margin,
            plan.looks,
            until_decided=bool(plan.until),
        )
        for series in of(lab, plan, data, claim.id)
    }
    return combine(decisions, conditional=decisions)


def _difference(lab: Lab, plan: Plan, data: Data, claim: Claim) -> Decision:
    assert isinstance(claim, DifferenceClaim | SlopeClaim | SlopeOrderClaim)
    decisions = {
        series.name: judge_difference(
            series.values,
            claim.at_least if isinstance(claim, DifferenceClaim) else 0.0,
            plan.looks,
            above=not isinstance(claim, SlopeClaim),
            until_decided=bool(plan.until),
        )
        for series in of(lab, plan, data, claim.id)
    }
    return combine(decisions, conditional=decisions)


def _growth(lab: Lab, plan: Plan, data: Data, claim: Claim) -> Decision:
    assert isinstance(claim, GrowthClaim)
    _, levels, (rows,) = ladder_rows(lab, plan, data, claim, [claim.arm])
    return judge_growth(levels, rows, GrowthClass(claim.growth), plan.looks)


def _crossover(lab: Lab, plan: Plan, data: Data, claim: Claim) -> Decision:
    assert isinstance(claim, CrossoverClaim)
    _, levels, (a, b) = ladder_rows(lab, plan, data, claim, arms(claim))
    rows = [log_ratios(x, y) for x, y in zip(a, b, strict=True)]
    return judge_crossover(levels, rows, claim.threshold, plan.looks)


def _replication(lab: Lab, plan: Plan, data: Data, claim: Claim) -> Decision:
    assert isinstance(claim, ReplicationClaim)
    columns, tables = measured(lab, plan, data, claim)
    looked = [look for look in plan.looks if look <= len(tables)]
    for look in looked or [len(tables)]:
        found = replicating.decision(replicating.judge(claim, columns, tables[:look]), look)
        if found.is_decided:
            break
    return found


def measured(
    lab: Lab, plan: Plan, data: Data, claim: ReplicationClaim
) -> tuple[list[str], list[Table]]:
    """Return the columns of a replication's cells, and one table for each block that has them all.

    Rows are arms, columns the levels of the factor `over`; without one there is a single column.
    """
    named = arms(claim)
    cells = needed_by(lab, plan.profile, claim.id)
    columns = [str(level) for level in _levels(lab, plan, claim)] or [metric_of(claim)]
    _, rows = data.common(cells, metric_of(claim), classes_of(claim))
    places = [(arm, column) for arm in named for column in columns]
    tables: list[Table] = []
    for row in rows:
        table: dict[str, dict[str, float]] = {arm: {} for arm in named}
        for (arm, column), value in zip(places, row, strict=True):
            table[arm][column] = value
        tables.append(table)
    return columns, tables


def _levels(lab: Lab, plan: Plan, claim: ReplicationClaim) -> list[int]:
    return rungs(lab.experiments[claim.experiment], plan.profile, claim)


RULES: tuple[tuple[tuple[type, ...], Rule], ...] = (
    ((CompareClaim, EqualityClaim, BelowClaim, OrderClaim), _ratio),
    ((DifferenceClaim, SlopeClaim, SlopeOrderClaim), _difference),
    ((GrowthClaim,), _growth),
    ((CrossoverClaim,), _crossover),
    ((ReplicationClaim,), _replication),
)
