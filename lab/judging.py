"""From a run's data to one decision per claim. Pure; the rules themselves are in `lab.verdicts`.

What must be true before a rule may speak (docs/method.md): every cell was tried, not more than a
quarter of the blocks were lost to gates, enough are left for the first look, and the gates did not
void one arm more than the other. A claim whose run was cut short is inconclusive, not void.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from lab import lacks, replicating, rules
from lab.cells import arms, needed_by
from lab.claims import LimitClaim, ReplicationClaim, metric_of
from lab.data import Data
from lab.model import Plan
from lab.probes import SKIPPED
from lab.schema import Lab
from lab.series import classes_of
from lab.stats.tables import fisher_exact
from lab.store import ProbeRecord, TableRecord
from lab.verdicts import Decision, Outcome, judge_probe

LOST_SHARE = 0.25  # of the planned blocks: more, and what is left is a selection
IMBALANCE_P = 0.01  # Fisher's exact test, voids of one arm against the other's
NONE_ABSENT: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Judged:
    """A decision and what it stands on."""

    decision: Decision
    cells: list[str]
    used: int = 0
    dropped: int = 0
    voids: dict[str, int] = field(default_factory=dict)
    void_reasons: dict[str, str] = field(default_factory=dict)


def judge(
    lab: Lab,
    plan: Plan,
    data: Data,
    probes: Sequence[ProbeRecord],
    claim_id: str,
    absent: Mapping[str, str] = NONE_ABSENT,
    tables: Sequence[TableRecord] = (),
) -> Judged:
    """Decide one claim of the plan. Never raises on bad data: that is void or inconclusive.

    absent: what could not run or be metered, see lab.lacks; who needs it was never tried.
    probes, tables: of all claims.
    """
    claim = lab.claims[claim_id]
    cells = needed_by(lab, plan.profile, claim_id)
    if reason := lacks.of_claim(claim_id, absent):
        return Judged(Decision(Outcome.SKIPPED, reason), cells)
    if isinstance(claim, LimitClaim):
        return _probe(claim_id, probes)
    if isinstance(claim, ReplicationClaim) and not claim.experiment:
        return _program(claim, tables)
    if reason := _lacking(plan, cells, metric_of(claim), absent):
        return Judged(Decision(Outcome.SKIPPED, reason), cells)
    blocks, _ = data.common(cells, metric_of(claim), classes_of(claim))
    voids: dict[str, int] = {}
    reasons: dict[str, str] = {}
    for cell in cells:
        for gate, n in sorted(data.cells[cell].voids.items()):
            voids[gate] = voids.get(gate, 0) + n
            reasons[gate] = f"{cell}: {data.cells[cell].reasons[gate]}"
    tried = set.union(*(data.cells[cell].tried for cell in cells))
    void = _void(data, plan, cells, len(blocks), two_arms=len(arms(claim)) == 2)
    judged = void or rules.decide(lab, plan, data, claim)
    lost = len(tried) - len(blocks)
    return Judged(judged, cells, len(blocks), lost, dict(sorted(voids.items())), reasons)


def _lacking(plan: Plan, cells: Sequence[str], metric: str, absent: Mapping[str, str]) -> str:
    found = [plan.cell(cell) for cell in cells]
    reasons = [why for cell in found if (why := lacks.of_cell(cell, absent))]
    return reasons[0] if reasons else lacks.of_metric(metric, (c.server for c in found), absent)


def _probe(claim_id: str, probes: Sequence[ProbeRecord]) -> Judged:
    mine = [p for p in probes if p.claim == claim_id]
    broken = [p.error for p in mine if p.error]
    if broken:
        return Judged(Decision(Outcome.VOID, f"The probe broke: {broken[0]}."), [])
    lacking = [p.evidence[SKIPPED] for p in mine if SKIPPED in p.evidence]
    if lacking:
        return Judged(Decision(Outcome.SKIPPED, f"It cannot run here: {lacking[0]}."), [])
    told = [p.outcome for p in mine if p.outcome is not None]
    if len(told) < len(mine):
        return Judged(Decision(Outcome.INCONCLUSIVE, "The probe could not tell."), [])
    decision = judge_probe(told, [p.control for p in mine])
    parts = {p.parts for p in mine}
    if decision.outcome is Outcome.REFUTED and len(parts) == 1 and all(parts):
        reason = f"Conditional: {parts.pop()}."
        decision = replace(decision, reason=reason, conditional=True)
    return Judged(decision, [], used=len(told))


def _program(claim: ReplicationClaim, records: Sequence[TableRecord]) -> Judged:
    mine = [record for record in records if record.claim == claim.id]
    broken = [record.error for record in mine if record.error]
    if len(broken) > LOST_SHARE * claim.repeats:
        lost = f"{len(broken)} of {claim.repeats} repeats of the program broke"
        return Judged(Decision(Outcome.VOID, f"{lost}: {broken[0]}."), [])
    if lacking := [record.skipped for record in mine if record.skipped]:
        return Judged(Decision(Outcome.SKIPPED, f"It cannot run here: {lacking[0]}."), [])
    found = tables_of(claim, mine)
    if not found:
        return Judged(Decision(Outcome.INCONCLUSIVE, "It has not run."), [])
    try:
        tested = replicating.judge(claim, columns_of(found), found)
    except ValueError as error:
        return Judged(Decision(Outcome.VOID, f"The table is another one: {error}"), [])
    decision = replicating.decision(tested, len(found))
    return Judged(decision, [], used=len(found), dropped=len(broken))


def tables_of(claim: ReplicationClaim, records: Sequence[TableRecord]) -> list[replicating.Table]:
    """Return the tables of a claim that a program has measured, in the order of its repeats."""
    return [record.table for record in records if record.claim == claim.id and record.table]


def columns_of(tables: Sequence[replicating.Table]) -> list[str]:
    """Return the columns of tables in their order."""
    rows = [row for table in tables for row in table.values()]
    return list(dict.fromkeys(column for row in rows for column in row))


def _void(
    data: Data, plan: Plan, cells: Sequence[str], usable: int, *, two_arms: bool
) -> Decision | None:
    """Return the void decision where the gates leave nothing to judge."""
    first, last = min(plan.looks), max(plan.looks)
    tried = set.union(*(data.cells[cell].tried for cell in cells))
    lost = set.union(*(data.cells[cell].lost for cell in cells))
    worst = max(cells, key=lambda cell: len(data.cells[cell].lost))
    if len(lost) > LOST_SHARE * max(last, len(tried)):
        gate, why = _loudest(data, worst)
        return Decision(
            Outcome.VOID,
            f"{len(lost)} of {last} blocks were lost; {worst}: {gate} ({why}).",
        )
    if usable < first <= len(tried) and max(tried) >= last - 1 and lost:
        gate, why = _loudest(data, worst)
        return Decision(  # and the spare blocks could not replace them
            Outcome.VOID,
            f"{usable} usable blocks are left of the {first} that the first look takes; "
            f"{worst}: {gate} ({why}).",
        )
    return _imbalance(data, cells) if two_arms else None


def _loudest(data: Data, cell: str) -> tuple[str, str]:
    voids = data.cells[cell].voids
    if not voids:
        return "unmeasured", "the metric could not be taken"
    gate = max(sorted(voids), key=lambda name: voids[name])
    return gate, data.cells[cell].reasons[gate]


def _imbalance(data: Data, cells: Sequence[str]) -> Decision | None:
    """Void where the gates chose between the arms: cells' first half is arm a's, the rest b's."""
    half = len(cells) // 2
    counts = []
    for arm in (cells[:half], cells[half:]):
        attempts = sum(data.cells[cell].attempts for cell in arm)
        good = sum(len(data.cells[cell].usable) for cell in arm)
        counts += [attempts - good, good]
    if sum(counts[::2]) and fisher_exact(*counts) < IMBALANCE_P:
        return Decision(
            Outcome.VOID,
            f"The gates voided {counts[0]} attempts of one arm and {counts[2]} of the other: "
            "what is left is chosen by the gates.",
        )
    return None


def still_needed(
    lab: Lab,
    plan: Plan,
    data: Data,
    experiment: str,
    block: int,
    absent: Mapping[str, str] = NONE_ABSENT,
) -> set[str]:
    """Return the cells of an experiment that the coming block must run, and can: see lab.lacks.

    Before the last look: the cells of undecided claims, and cells that no claim uses (context).
    Behind it, in the spare blocks: the cells of claims that lost blocks to gates, and only those.
    A claim that is void already needs nothing more, nor does one that is skipped.
    """
    mine = {cell.id for cell in plan.cells if cell.experiment == experiment}
    lacking = {cell.id for cell in plan.cells if lacks.of_cell(cell, absent)}
    used: set[str] = set()
    wanted: set[str] = set()
    for claim_id in plan.claims:
        cells = set(needed_by(lab, plan.profile, claim_id)) & mine
        used |= cells
        if not cells:
            continue
        found = judge(lab, plan, data, (), claim_id, absent)
        if found.decision.outcome is Outcome.SKIPPED:
            continue
        lost = set().union(*(data.cells[cell].lost for cell in cells))
        hopeless = len(lost) > LOST_SHARE * max(*plan.looks, block)
        most = rules.most_blocks(plan, lab.claims[claim_id])
        if not (found.decision.is_decided or hopeless) and found.used < most:
            wanted |= cells
    context = set() if block >= max(plan.looks) else mine - used
    return (wanted | context) - lacking
