"""Runs programs of lab/replications: each repeat in a fresh process, one after the other.

They measure times, so nothing of the lab runs beside them. A record is stored after each repeat.
"""

import math
from typing import Any

from lab import lacks
from lab.model import Plan
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
    """Run the plan's programs. A program whose claim needs what is not here is left out."""
    absent = kept.facts().absent
    programs = Programs(label)
    try:
        for run in plan.programs:
            if lacks.claim(run.claim) in absent:
                continue
            notes.note(f"program {run.program}, {run.repeats} times")
            for repeat in range(run.repeats):
                record = programs.record(run.claim, run.program, repeat)
                kept.append("tables.jsonl", record.model_dump_json())
                if record.skipped:
                    break
    finally:
        programs.kill()
