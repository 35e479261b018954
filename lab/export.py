"""A finished run in the formats of others: HdrHistogram logs, and a table of its trials. Pure.

Only trials that the gates let pass are exported; the others are counted in a comment, by gate. A
log has a line per trial, connection class and measure, merged over the load engines by adding:
`<cell>:<class>:<measure>`. Its intervals are windows; the clock of the lines is that of the trials.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from lab.data import Data
from lab.hdr import Interval, log, tag
from lab.measure import ACTIVE, NS, Unmeasured, merged, value
from lab.model import ClassName
from lab.record import Record
from lab.store import Run

MEASURES = ("response", "service", "lag", "connect", "first_byte")
METRICS = {  # of lab.measure, and the column that each becomes
    "cpu": "cpu_us",
    "throughput": "throughput_per_s",
    "pss": "pss_bytes",
    "response-mean": "response_mean_us",
    "p50": "response_p50_us",
    "p90": "response_p90_us",
    "p99": "response_p99_us",
}
RESOLUTION = (
    "values in ns, counts exact, buckets at most 0.1 % wide: HdrHistogram's own of 3 digits"
)


class Export:
    """A run, read once and judged by today's gates."""

    def __init__(self, run: Run) -> None:
        plan = run.plan()
        self.name = run.id
        self.cells = {cell.id: cell for cell in plan.cells}
        self.data = Data(plan, run.records())

    def records(self, cells: Iterable[str]) -> list[Record]:
        """Return what the gates let pass, in the order in which it ran."""
        found = (one for cell in cells for one in self.data.cells[cell].usable.values())
        return sorted(found, key=lambda record: record.started_unix)

    def hdr(self, cells: Sequence[str] = ()) -> str:
        """Return the log of some cells; none named: of all."""
        wanted = cells or tuple(self.cells)
        records = self.records(wanted)
        base = records[0].started_unix if records else 0.0
        comments = [f"io-lab run {self.name}", RESOLUTION, *self._left_out(wanted)]
        intervals = [one for record in records for one in _intervals(record, base)]
        return "\n".join(log(base, comments, intervals)) + "\n"

    def logs(self) -> Iterator[tuple[str, str]]:
        """Yield (file name, log) for each cell that has anything to tell."""
        for cell in self.cells:
            if self.data.cells[cell].usable:
                yield f"{cell.replace('/', '.')}.hlog", self.hdr([cell])

    def csv(self) -> str:
        """Return all attempts as a table, void ones too, with the gates that voided them."""
        factors = sorted({name for cell in self.cells.values() for name in cell.factors})
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        head = ["trial", "experiment", "arm", *factors, "block", "attempt", "void"]
        table.writerow([*head, "requests", *METRICS.values(), "overhead_s"])
        for record, gates in zip(self.data.records, self.data.results, strict=True):
            cell = self.cells[record.cell]
            void = " ".join(one.gate for one in gates if one.state == "void")
            levels = [cell.factors.get(name, "") for name in factors]
            start = [record.trial, record.experiment, cell.arm, *levels]
            table.writerow(
                [
                    *start,
                    record.block,
                    record.attempt,
                    void,
                    merged(record, "response").count,
                    *(_metric(record, name) for name in METRICS),
                    round(record.overhead_s, 3),
                ]
            )
        return out.getvalue()

    def _left_out(self, cells: Iterable[str]) -> list[str]:
        voids: Counter[str] = Counter()
        for cell in cells:
            voids += self.data.cells[cell].voids
        return [f"left out as void: {number} by {gate}" for gate, number in sorted(voids.items())]


def _metric(record: Record, name: str) -> float | str:
    """One number, or nothing where this record cannot give it."""
    try:
        return value(record, name, ACTIVE)
    except Unmeasured:
        return ""


def _intervals(record: Record, base: float) -> Iterator[Interval]:
    classes: dict[ClassName, None] = {}
    for engine in record.engines:
        classes |= dict.fromkeys(engine.classes)
    window = record.engines[0].window
    for name in classes:
        for measure in MEASURES:
            histogram = merged(record, measure, (name,))
            if histogram.count:
                label = tag(record.cell, name, measure.replace("_", "-"))
                start = record.started_unix - base
                yield Interval(label, start, (window[1] - window[0]) / NS, histogram)
