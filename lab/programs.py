"""Runs programs of lab/replications: each repeat in a fresh process, one after the other.

They measure times, so nothing of the lab runs beside them. A record is stored after each repeat.
"""

import math
from collections.abc import Iterable
from typing import Any

from lab import lacks
from lab.model import Plan, ProgramRun
from lab.probing import Fresh, Notes
from lab.store import Run, TableRecord

DEADLINE_S = 120.0  # of one repeat; those in the tree take seconds


class Programs(Fresh):
    """Programs, each to its record."""

    module = "lab.replications"
    deadline_s = DEADLINE_S

    def record(self, claim: str, program: str, repeat: int) -> TableRecord:
        """Run a program once. Whatever happens in it, a record comes out."""
        said, error = self.say(program)
        base = {"claim": claim, "program": program, "repeat": repeat}
        if error or "skipped" in said:
            skipped = str(said.get("skipped", ""))
            return TableRecord.model_validate({**base, "error": error, "skipped": skipped})
        table, why = read(said.get("table"))
        told = {str(key): str(value) for key, value in dict(said.get("told", {})).items()}
        unit = str(said.get("unit", ""))
        return TableRecord.model_validate(
            {**base, "table": table, "unit": unit, "told": told, "error": why}
        )


def read(said: Any) -> tuple[dict[str, dict[str, float]], str]:
    """Return the table that a program printed, and why it is none. Read strictly."""
    if not isinstance(said, dict) or not said:
        return {}, "it printed no table"
    table: dict[str, dict[str, float]] = {}
    for row, numbers in said.items():
        if not isinstance(numbers, dict) or not numbers:
            return {}, f"row {row} has no numbers"
        for column, number in numbers.items():
            if not isinstance(number, int | float) or isinstance(number, bool):
                return {}, f"{row} at {column} is no number"
            if not (math.isfinite(number) and number > 0):
                return {}, f"{row} at {column} is {number}: a table holds numbers above zero"
        table[row] = {column: float(number) for column, number in numbers.items()}
    return table, ""


def run_all(plan: Plan, kept: Run, label: str, notes: Notes) -> None:
    """Run the plan's programs. A program whose claim needs what is not here is left out.

    Claims on the same program share its tables: it runs as often as the one that asks for most.
    """
    absent = kept.facts().absent
    wanted = [run for run in plan.programs if lacks.claim(run.claim) not in absent]
    programs = Programs(label)
    try:
        for program, runs in sharing(wanted).items():
            most = max(run.repeats for run in runs)
            notes.note(f"program {program}, {most} times")
            for repeat in range(most):
                record = programs.record(runs[0].claim, program, repeat)
                for run in runs:
                    if repeat < run.repeats:
                        copy = record.model_copy(update={"claim": run.claim})
                        kept.append("tables.jsonl", copy.model_dump_json())
                if record.skipped:
                    break
    finally:
        programs.kill()


def sharing(runs: Iterable[ProgramRun]) -> dict[str, list[ProgramRun]]:
    """Return the runs by program, in their order."""
    found: dict[str, list[ProgramRun]] = {}
    for run in runs:
        found.setdefault(run.program, []).append(run)
    return found
