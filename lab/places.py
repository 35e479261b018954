"""Where in lab.yaml something stands that turned out to be impossible only on this machine.

A `Lab` remembers no lines: the file is read again, with its positions, once there is something to
point at.
"""

from pathlib import Path

from lab.budget import By, Line
from lab.document import Where, dotted
from lab.includes import include
from lab.model import Plan
from lab.schema import EVERY, Experiment, Lab
from lab.yaml_source import read


def steps(experiment: Experiment, profile: str, arm: str, by: By, level: dict[str, int]) -> Where:
    """Find what sets a key of a class's load: the key itself, or the level that it names."""
    load = experiment.load_of(arm).classes()[by[0]]
    value = getattr(load, by[1], None)
    root: Where = ("experiments", experiment.id)
    if isinstance(value, str):
        name = value[1:]
        own = experiment.factors_for.get(arm, {})
        for table, at in ((own, ("factors-for", arm)), (experiment.factors, ("factors",))):
            for key in (profile, EVERY):
                rungs = table.get(name, {}).get(key, [])
                if level[name] in rungs:
                    return (*root, *at, name, key, rungs.index(level[name]))
    at_arm = ("arms", arm) if experiment.arms[arm].load else ()
    return (*root, *at_arm, "load", *by)


def told(lab_file: Path, lab: Lab, plan: Plan, line: Line) -> str:
    """Say what cannot be: where it stands, the numbers, and what would make it possible."""
    cell = plan.cell(line.cell)
    experiment = lab.experiments[cell.experiment]
    where = steps(experiment, plan.profile, cell.arm, line.by, cell.factors)
    document = read(lab_file.read_bytes(), str(lab_file))
    include(document, lab_file.parent)
    found = document.known(where)
    return f"{document.values[found]}: {dotted(found)}: {cell.id} {numbers(line)}"


def numbers(line: Line) -> str:
    """Say what is needed, what there is, and what would make it possible."""
    return f"needs {line.need:,} {line.what}; {line.have:,} can be had here. {line.mend}"
