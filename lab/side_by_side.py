"""A replication as it is shown: the published table beside the measured one, and what was judged.

Pure. The numbers of two machines are not comparable; the shape is what is judged.
"""

import math
from collections.abc import Sequence

from lab import replicating
from lab.claims import ReplicationClaim, metric_of
from lab.data import Data
from lab.judging import columns_of, tables_of
from lab.metrics import METRICS
from lab.model import Plan
from lab.replicating import Tested
from lab.report.model import Estimate, Replication, ShapeLine
from lab.rules import measured
from lab.schema import Lab
from lab.store import TableRecord


def shown(
    lab: Lab, plan: Plan, data: Data, name: str, records: Sequence[TableRecord]
) -> Replication | None:
    """Return what there is to show of a claim; None: it is no replication, or has no table yet."""
    claim = lab.claims[name]
    if not isinstance(claim, ReplicationClaim):
        return None
    mine = [record for record in records if record.claim == name]
    if claim.experiment:
        columns, tables = measured(lab, plan, data, claim)
    else:
        tables = tables_of(claim, mine)
        columns = columns_of(tables)
    if not tables:
        return None
    try:
        tested = replicating.judge(claim, columns, tables)
    except ValueError:
        return None  # void, with the reason
    published = claim.published
    printed = list(published.columns) if published else []
    all_columns = [*columns, *(column for column in printed if column not in columns)]
    rows = list(dict.fromkeys(row for table in tables for row in table))
    return Replication(
        verdict=replicating.combined(tested).value,
        source=published.source if published else "",
        published_unit=published.unit if published else "",
        unit=METRICS[metric_of(claim)].unit if metric_of(claim) else _unit(mine),
        columns=all_columns,
        published={
            row: [_printed(printed, numbers, column) for column in all_columns]
            for row, numbers in (published.rows if published else {}).items()
        },
        measured={
            row: [replicating.middle(tables, row, column) for column in all_columns] for row in rows
        },
        repeats=len(tables),
        lines=[_line(one) for one in tested],
        told={key: value for record in mine for key, value in record.told.items()},
    )


def _unit(records: Sequence[TableRecord]) -> str:
    return records[0].unit if records else ""


def _printed(columns: list[str], numbers: list[float | None], column: str) -> float | None:
    return numbers[columns.index(column)] if column in columns else None


def _line(one: Tested) -> ShapeLine:
    found = one.found
    return ShapeLine(
        words=one.words,
        state=one.state.value,
        found=Estimate(value=found.estimate, low=_end(found.low), high=_end(found.high))
        if math.isfinite(found.estimate)
        else None,
        low=_end(one.low) or None,
        high=_end(one.high),
    )


def _end(value: float) -> float | None:
    return value if math.isfinite(value) else None
