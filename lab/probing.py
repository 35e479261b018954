"""Runs probes: three times each, every time in a fresh process, with a deadline."""

import json
import os
import subprocess
import sys
from typing import Protocol

from lab.model import Plan
from lab.probes import find
from lab.store import ProbeRecord, Run

DEADLINE_S = 60.0


class Notes(Protocol):
    """Whoever is told."""

    def note(self, text: str) -> None:
        """Say something once."""


def run_all(plan: Plan, kept: Run, label: str, notes: Notes) -> None:
    """Run the plan's probes, one record per repeat, stored at once."""
    for probe in plan.probes:
        notes.note(f"probe {probe.probe}, {probe.repeats} times")
        for repeat in range(probe.repeats):
            record = run_one(probe.claim, probe.probe, repeat, label)
            kept.append("probes.jsonl", record.model_dump_json())


def run_one(claim: str, name: str, repeat: int, label: str) -> ProbeRecord:
    """Run one probe once. Whatever happens in it, a record comes out."""
    evidence, error = _observe(name, label)
    if error:
        return ProbeRecord(
            claim=claim,
            probe=name,
            repeat=repeat,
            outcome=None,
            control=False,
            evidence={},
            error=error,
        )
    outcome, control = find(name).judge(evidence)
    return ProbeRecord(
        claim=claim,
        probe=name,
        repeat=repeat,
        outcome=outcome,
        control=control,
        evidence=evidence,
    )


def _observe(name: str, label: str) -> tuple[dict[str, str], str]:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "lab.probes", name],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
            start_new_session=True,
            env={**os.environ, "LAB_RUN": label},
        )
    except subprocess.TimeoutExpired:
        return {}, f"no answer within {DEADLINE_S:g} s"
    last = (done.stderr.strip().splitlines() or ["no last words"])[-1]
    if done.returncode:
        return {}, f"ended with {done.returncode}: {last}"
    try:
        evidence = json.loads(done.stdout)
    except ValueError:
        return {}, f"printed no evidence: {last}"
    return {str(key): str(value) for key, value in evidence.items()}, ""
