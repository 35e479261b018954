"""What became of each connection class of a cell, added over its usable trials. Pure.

Context beside the verdicts: the gate on the census has already seen to it that the trials held what
they should; here stand the numbers, for all classes, those that attack included.
"""

from collections import Counter
from collections.abc import Iterable

from lab.gates.census import added
from lab.model import Cell, ClassLoad, ClassName
from lab.record import Record
from lab.report.model import Achieved
from loadtests.engine.classes import FLEETING


def achieved(records: Iterable[Record], cell: Cell) -> list[Achieved]:
    """Return one row per class, in the order of the cell; none without records."""
    usable = [record for record in records if record.engines]
    return [_row(usable, name, load, cell) for name, load in cell.load.items() if usable]


def _row(usable: list[Record], name: ClassName, load: ClassLoad, cell: Cell) -> Achieved:
    seen = [added(record, name) for record in usable]
    parts = [e.classes[name].total for r in usable for e in r.engines if name in e.classes]
    failed = sum((Counter(dict(part.failed)) for part in parts), Counter[str]())
    seconds = cell.timing.window * len(usable)
    replaces = name == "churn" or load.requests > 0
    edges = [min(one.held_at_start, one.held_at_end) for one in seen]
    return Achieved(
        connection_class=name,
        trials=len(usable),
        asked=load.connections,
        held=None if name in FLEETING else min(edges),
        established=min(one.established for one in seen) if name == "storm" else None,
        lost=sum(one.lost for one in seen),
        replaced_per_s=sum(one.replaced for one in seen) / seconds if replaces else None,
        due_per_s=load.rate if name == "churn" else None,
        refused=sum(one.refused for one in seen),
        timed_out=sum(one.timed_out for one in seen),
        unfinished=sum(one.unfinished for one in seen),
        scheduled=sum(part.scheduled for part in parts),
        completed=sum(part.completed for part in parts),
        abandoned=sum(part.abandoned for part in parts),
        failed=dict(sorted(failed.items())),
    )


def class_words(name: ClassName, load: ClassLoad, pace: str, what: str) -> str:
    """Say a class's load. pace, what: how often it asks, and what."""
    count = f"{load.connections} {name}"
    every = f"{load.piece} B every {load.every_s * 1000:g} ms"
    own = {
        "idle": count,
        "never-finishing": count,
        "churn": f"{count}, {load.rate:g}/s replaced",
        "storm": f"{count} at {load.at_s:g} s, {what}",
        "slow-sender": f"{count}, sends {every}, {what}",
        "slow-reader": f"{count}, reads {every}, {what}",
        "short": f"at most {count}, {pace}, {what}",
    }
    ends = f"{load.requests} requests each" if load.requests else ""
    ends += f"{', then ' if ends else 'ends by '}{load.ends}" if load.ends != "close" else ""
    return own.get(name, f"{count}, {pace}, {what}") + (f", {ends}" if ends else "")
