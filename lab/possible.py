"""Can this plan be run from here? What `lab plan` shows, and what `lab run` asks before it starts.

The budget itself is `lab.budget`, the looks at the machine are in `lab.machine`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from lab import budget, fitness
from lab.budget import Line, Machine, Place
from lab.machine import inspect
from lab.model import Cell, Plan
from lab.places import numbers, told
from lab.schema import Lab
from lab.selftest import ceilings
from lab.selftest.ceilings import Ceiling

ON_LOOPBACK = ("loopback", "host", "published")  # networks whose target is 127.0.0.1


@dataclass(frozen=True)
class Possible:
    """lines: the budget, the dearest cell of each resource. problems: why it cannot be run."""

    lines: list[Line]
    problems: list[str]


def look(
    lab_file: Path,
    lab: Lab,
    plan: Plan,
    machine: Machine,
    *,
    engines: int = 1,
    backend: str = "process",
    nofile: int | None = None,
    ceiling: Ceiling | None = None,
) -> Possible:
    """Hold a plan against a machine. nofile: where servers have a lower limit than here.

    ceiling: of the load engine, as `lab selftest` found it here; None: nobody looked.
    """
    if nofile is not None:
        machine = replace(machine, nofile=min(machine.nofile, nofile))

    def local(cell: Cell) -> bool:
        return cell.network in ON_LOOPBACK or (not cell.network and backend == "process")

    place = Place(engines, local)
    lines = [
        *budget.dearest(plan.cells, machine, place),
        *ceilings.dearest(plan.cells, ceiling),
    ]
    refused = [
        *budget.refused(plan.cells, machine, place),
        *ceilings.refused(plan.cells, ceiling),
    ]
    sought = budget.refused((c for one in plan.searches for c in one.edges), machine, place)
    return Possible(
        [*lines, *budget.waiting(plan, machine, place)] if plan.cells else [],
        [
            *(told(lab_file, lab, plan, line) for line in refused),
            *(f"searches.{line.cell} {numbers(line)}" for line in sought),
        ],
    )


def problems(
    lab_file: Path,
    lab: Lab,
    plan: Plan,
    engines: int,
    backend: str,
    nofile: int | None,
    results: Path,
) -> list[str]:
    """Say all that keeps a plan from being run on this machine. results: where its ceiling is."""
    machine = inspect()
    found = look(
        lab_file,
        lab,
        plan,
        machine,
        engines=engines,
        backend=backend,
        nofile=nofile,
        ceiling=ceilings.read(results),
    )
    return [*fitness.unfit(fitness.check(machine, [])), *found.problems]


def text(found: Possible, engines: int) -> str:
    """Lay the budget out as plain text."""
    if not found.lines:
        return ""
    many = f"{engines} load engine" + ("s" if engines > 1 else "")
    rows = [f"budget of this machine, {many}; the dearest cell of each:"]
    for line in found.lines:
        state = "" if line.ok else "  IMPOSSIBLE" if line.fatal else f"  {line.mend}"
        numbers = f"{line.need:>9,} of {line.have:>11,}"
        rows.append(f"    {line.what:28} {numbers}  {line.cell}{state}".rstrip())
    return "\n".join(rows)
