"""What of a record is kept in memory once its gates have been asked. Pure.

The marks that align counts with the meter are a third of a record, one a millisecond. Afterwards
they are asked only at the meter's own instants and at the edges of the window: the two around each
of those are enough, and every answer stays the same. On the disk a record stays whole.
"""

from bisect import bisect_right
from collections.abc import Iterable

from lab.record import EngineResult, Record


def slim(record: Record) -> Record:
    """Return a record that measures alike and is a good deal smaller."""
    slices = record.meter.slices if record.meter is not None else []
    instants = [reading.at_ns for reading in slices]
    engines = [_thin(engine, instants) for engine in record.engines]
    return record.model_copy(update={"engines": engines})


def _thin(engine: EngineResult, instants: Iterable[int]) -> EngineResult:
    marks = engine.marks
    kept = {0, len(marks) - 1} if marks else set[int]()
    for at_ns in (*instants, *engine.window, *engine.crossed):
        after = bisect_right(marks, at_ns, key=lambda mark: mark[0])
        kept |= {place for place in (after - 1, after) if 0 <= place < len(marks)}
    return engine.model_copy(update={"marks": [marks[place] for place in sorted(kept)]})
