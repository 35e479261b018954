"""From the files of a run to its results. Repeatable at any time, with no server running.

The same records give the same bytes: nothing here reads a clock, the machine, or another file than
the run's own.
"""

from collections.abc import Sequence
from typing import Literal

from lab import (
    chapters,
    context,
    declared,
    designs,
    judging,
    ledgers,
    mapping,
    moments,
    saying,
    side_by_side,
)
from lab.claims import (
    Claim,
    CrossoverClaim,
    GrowthClaim,
    LimitClaim,
    ReplicationClaim,
    experiment_of,
    metric_of,
)
from lab.data import Data
from lab.judging import Judged
from lab.mechanism import Ledger
from lab.metrics import METRICS
from lab.model import Plan
from lab.record import Record
from lab.report import words
from lab.report.model import CrossoverLine, Results, Verdict
from lab.schema import Lab
from lab.search import analysis as searched
from lab.series import ladder_rows
from lab.store import ProbeRecord, Run, RunFacts, TableRecord
from lab.sums import run_info, tallies
from lab.tax import taxes
from lab.verdicts import REPEATS, Adjusted, Decision, Outcome, adjust, log_ratios


def conclude(run: Run, multiplicity: Literal["bh", "holm"] = "bh") -> Results:
    """Analyse a stored run. Nothing is written."""
    lab = Lab.model_validate_json(run.lab_json())
    return analyse(
        lab,
        run.plan(),
        run.facts(),
        run.records(),
        run.probes(),
        multiplicity,
        run.ledgers(),
        run.tables(),
    )


def analyse(
    lab: Lab,
    plan: Plan,
    facts: RunFacts,
    records: Sequence[Record],
    probes: Sequence[ProbeRecord],
    multiplicity: Literal["bh", "holm"] = "bh",
    traced: Sequence[Ledger] = (),
    tables: Sequence[TableRecord] = (),
) -> Results:
    """Judge every claim of the plan and sum the run up. Pure."""
    data = Data(plan, records)
    changed = declared.post_hoc(lab, plan)  # after data
    judged = {
        name: judging.judge(lab, plan, data, probes, name, facts.absent, tables)
        for name in plan.claims
    }
    decisions = {name: found.decision for name, found in judged.items()}
    both = {method: adjust(decisions, method) for method in ("bh", "holm")}
    verdicts = [
        _attached(
            facts,
            lab.claims[name],
            _verdict(plan, data, lab.claims[name], judged[name], both[multiplicity][name], probes),
        ).model_copy(
            update={
                "post_hoc": name in changed,
                "p_bh": both["bh"][name].adjusted,
                "p_holm": both["holm"][name].adjusted,
                "replication": side_by_side.shown(lab, plan, data, name, tables),
                "arms": designs.compared(lab.claims[name]),
                "place": designs.place(lab, plan, lab.claims[name]),
                "series": designs.blocks(lab, plan, data, lab.claims[name]),
                "ladders": designs.ladders(lab, plan, data, lab.claims[name]),
            }
        )
        for name in plan.claims
    ]
    growth = {
        f"{claim.experiment}/{claim.arm}": judged[name].decision.reason.split(":")[0].lower()
        for name in plan.claims
        if isinstance(claim := lab.claims[name], GrowthClaim) and judged[name].decision.is_decided
    }
    return Results(
        run=run_info(plan, facts, data, verdicts),
        machine=facts.machine,
        verdicts=verdicts,
        ladders=context.ladders(lab, plan, data, growth),
        crossovers=[
            line
            for name in plan.claims
            if isinstance(claim := lab.claims[name], CrossoverClaim)
            and (line := _crossover(lab, plan, data, claim))
        ],
        cells=[context.summary(plan, data, cell) for cell in plan.cells],
        gates=tallies(data),
        multiplicity=multiplicity,
        mechanism=ledgers.summaries(plan, data, traced),
        taxes=taxes(plan, data),
        searches=searched.conclude(lab, plan, records, facts.absent),
        courses=moments.courses(plan, data),
        book=chapters.chapters(lab),
        maps=mapping.maps(lab, plan, data),
    )


def _crossover(lab: Lab, plan: Plan, data: Data, claim: CrossoverClaim) -> CrossoverLine | None:
    arms = [claim.ratio.a, claim.ratio.b]
    _, levels, (a, b) = ladder_rows(lab, plan, data, claim, arms)
    rows = [log_ratios(x, y) for x, y in zip(a, b, strict=True)]
    return context.crossover_line(claim, levels, rows)


def _verdict(
    plan: Plan,
    data: Data,
    claim: Claim,
    judged: Judged,
    adjusted: Adjusted,
    probes: Sequence[ProbeRecord],
) -> Verdict:
    decision = adjusted.decision
    expected = claim.expected.verdict if claim.expected else None
    return Verdict(
        claim=claim.id,
        sentence=claim.sentence,
        notes=claim.notes,
        section=claim.section,
        kind=claim.kind,
        experiment=experiment_of(claim),
        outcome=decision.outcome.value,
        reason=decision.reason,
        conditional=decision.conditional,
        effect=saying.effect(decision),
        effect_words=saying.effect_words(claim, decision),
        scale=decision.scale.value,
        minimum=getattr(claim, "margin", None),
        load=_load(plan, judged),
        covariate=saying.covariate(data, claim),
        metric=METRICS[metric_of(claim)].words if metric_of(claim) else "",
        sense=saying.sense(claim),
        because=getattr(claim, "because", ""),
        cells=judged.cells,
        blocks_used=decision.blocks,
        blocks_planned=_planned(plan, claim),
        looks=decision.looks_taken,
        won=decision.won,
        p=adjusted.raw,
        p_adjusted=adjusted.adjusted,
        needed_blocks=decision.needed_blocks,
        voids=judged.voids,
        void_reasons=judged.void_reasons,
        dropped_blocks=judged.dropped,
        warnings=_warnings(decision, adjusted),
        expected=expected,
        source=claim.expected.source if claim.expected else "",
        surprise=surprises(expected, decision),
        caveat=claim.caveat,
        evidence=_evidence(claim.id, probes),
        gate=claim.gate,
    )


def _planned(plan: Plan, claim: Claim) -> int:
    """Return how many blocks, or repeats, a claim could have."""
    if isinstance(claim, LimitClaim):
        return REPEATS
    if isinstance(claim, ReplicationClaim) and claim.program:
        return claim.repeats
    return max(plan.looks)


def _load(plan: Plan, judged: Judged) -> str:
    """Say the load of the deciding cells; where they differ, of the last one."""
    return context.load_words(plan.cell(judged.cells[-1]).load) if judged.cells else ""


def surprises(expected: str | None, decision: Decision) -> bool:
    """A decided verdict against what sources say.

    Sources that say "it depends" are surprised by no single case. A finding that depends surprises
    those that say it does not: it is refuted as a whole, and holds in part.
    """
    found = "conditional" if decision.conditional else decision.outcome.value
    return decision.is_decided and expected in {"supported", "refuted"} and expected != found


def _warnings(decision: Decision, adjusted: Adjusted) -> list[str]:
    found = []
    if decision.autocorrelated:
        found.append("Neighbouring blocks resemble each other: the interval may be too narrow.")
    if adjusted.overturned:
        found.append("Undecided only because of the other claims judged with it (multiplicity).")
    return found


def _attached(facts: RunFacts, claim: Claim, verdict: Verdict) -> Verdict:
    """Mark what was judged on servers that were not started anew for each trial."""
    tried = verdict.outcome in {Outcome.SUPPORTED, Outcome.REFUTED, Outcome.INCONCLUSIVE}
    if facts.instances is None or isinstance(claim, LimitClaim) or not tried:
        return verdict
    starts = words.plural(facts.instances, "running instance")
    warning = (
        f"Judged on {starts} of each server, not on a fresh start for each trial: the interval "
        "tells how these vary, not what another start would give (decision 13)."
    )
    return verdict.model_copy(update={"warnings": [*verdict.warnings, warning]})


def _evidence(claim: str, probes: Sequence[ProbeRecord]) -> dict[str, str]:
    """Join the repeats: one value where all agree, else all of them."""
    mine = [probe.evidence for probe in probes if probe.claim == claim]
    keys = list(dict.fromkeys(key for evidence in mine for key in evidence))
    joined = {key: dict.fromkeys(e.get(key, "nothing") for e in mine) for key in keys}
    return {key: " | ".join(values) for key, values in joined.items()}


def undecided(results: Results) -> bool:
    """Is any claim inconclusive or void?"""
    return any(v.outcome in {Outcome.INCONCLUSIVE, Outcome.VOID} for v in results.verdicts)


def against_gate(results: Results) -> list[str]:
    """Return the claims that came out against their declared gate."""
    return [v.claim for v in results.verdicts if words.against_gate(v)]
