"""A run in numbers: trials, attempts, time, and what each gate said. Pure."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median

from lab import context
from lab.data import Data
from lab.gates import GATES, NOISE_GATES
from lab.model import Plan
from lab.report import words
from lab.report.model import GateTally, RunInfo, Verdict
from lab.store import RunFacts


def run_info(plan: Plan, facts: RunFacts, data: Data, verdicts: Sequence[Verdict]) -> RunInfo:
    """Return the run in numbers."""
    decided = sum(verdict.outcome in words.DECIDED for verdict in verdicts)
    took = (facts.ended_unix or 0.0) - facts.started_unix
    records = data.records
    void = [[r.gate for r in results if r.state == "void"] for results in data.results]
    noisy = sum(bool(NOISE_GATES & set(gates)) for gates in void)
    wall = max(0.0, took)  # of probes and programs alone; a killed run has no end
    if records:
        wall = max(r.ended_unix for r in records) - facts.started_unix
    planned = [trial for trial in plan.trials if trial.block < max(plan.looks)]
    return RunInfo(
        id=facts.id,
        profile=facts.profile,
        seed=facts.seed,
        order=facts.order,
        backend=facts.backend,
        started=datetime.fromtimestamp(facts.started_unix, UTC).isoformat(timespec="seconds"),
        wall_s=wall,
        finished=facts.how == "finished",
        cells=len(plan.cells),
        trials_planned=len(planned),
        trials_done=sum(len(found.usable) for found in data.cells.values()),
        attempts=len(records),
        attempts_void=sum(map(bool, void)),
        void_cells=[
            name for name, found in data.cells.items() if found.attempts and not found.usable
        ],
        noise_share=noisy / len(records) if records else 0.0,
        overhead_s=median(r.overhead_s for r in records) if records else None,
        spin_spread=context.spread_of_spins(records),
        requests=sum(
            c.total.completed for r in records for e in r.engines for c in e.classes.values()
        ),
        decided=decided,
        minutes_per_decided=took / 60 / decided if decided and took > 0 else None,
        absent=facts.absent,
        notes=facts.notes,
        lab_sha256=plan.lab_sha256,
        version=facts.version,
    )


def tallies(data: Data) -> list[GateTally]:
    """Count what each gate said, over all attempts."""
    voided: Counter[str] = Counter()
    warned: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    usable = {id(record) for cell in data.cells.values() for record in cell.usable.values()}
    for record, results in zip(data.records, data.results, strict=True):
        if id(record) in usable:
            silent.update({gate.name for gate in GATES} - {r.gate for r in results})
        voided.update(r.gate for r in results if r.state == "void")
        warned.update(r.gate for r in results if r.state == "warn")
    return [
        GateTally(
            gate=gate.name,
            meaning=gate.meaning,
            remedy=gate.remedy,
            threshold=gate.threshold,
            voided=voided[gate.name],
            warned=warned[gate.name],
            silent=silent[gate.name],
        )
        for gate in GATES
    ]
