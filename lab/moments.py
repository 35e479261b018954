"""How a load that changes went, step by step: sums over a cell's trials. Pure.

For people who look at a step or a spike; no verdict rests on it. A step beyond what the server can
do makes a trial void, and is what they want to see: where no trial is usable, void ones are shown.
"""

from collections.abc import Sequence

from lab.context import load_words
from lab.data import Data
from lab.model import Cell, ClassName, Plan
from lab.record import SeriesData
from lab.report.model import Course, Moment

NS = 1_000_000_000
US = 1_000


def courses(plan: Plan, data: Data) -> list[Course]:
    """Return a course for each class with a series, cell by cell."""
    return [
        found
        for cell in plan.cells
        if any(load.stages for load in cell.load.values())
        for name in cell.load
        if (found := _course(cell, name, data))
    ]


def _course(cell: Cell, name: ClassName, data: Data) -> Course | None:
    usable = list(data.cells[cell.id].usable.values())
    records = usable or [record for record in data.records if record.cell == cell.id]
    records = [record for record in records if record.engines]
    every = [
        found.series
        for record in records
        for engine in record.engines
        if (found := engine.classes.get(name)) is not None and found.series is not None
    ]
    if not every or not every[0].completed:
        return None
    timing, step = cell.timing, every[0].step_ns
    ends = timing.warm_up + timing.window
    whole = round((ends + timing.cool_down) * NS) // step  # behind it replies are only awaited
    return Course(
        cell=cell.id,
        experiment=cell.experiment,
        arm=cell.arm,
        factors=cell.factors,
        connection_class=name,
        load=load_words({name: cell.load[name]}),
        window=(timing.warm_up, ends),
        trials=len(records),
        usable=bool(usable),
        moments=[_moment(every, step, place, len(records)) for place in range(whole)],
    )


def _moment(every: Sequence[SeriesData], step: int, place: int, trials: int) -> Moment:
    """Put one step of all series together. Rates are per trial: engines of one share its load."""
    per_s = NS / step / trials
    done = sum(series.completed[place] for series in every)
    return Moment(
        at=place * step / NS,
        lasts=step / NS,
        due=sum(s.due[place] for s in every) * per_s if all(s.due for s in every) else None,
        done=done * per_s,
        failed=sum(series.failed[place] for series in every) * per_s,
        mean=sum(series.response[place] for series in every) / done / US if done else None,
        most=max(series.most[place] for series in every) / US if done else None,
    )
