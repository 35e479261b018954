"""The records of a run, laid out for judging: which attempt counts, cell by cell, block by block.

Pure. The gates are asked again here, so an old run is judged by today's gates. A record that a gate
voids is never ranked, judged or averaged; it is counted, with its reason.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lab import gates
from lab.measure import ACTIVE, LATENCIES, Unmeasured, value
from lab.model import ClassName, Plan
from lab.pace import Covariate, fit, pace_ns
from lab.record import GateResult, Record
from lab.slim import slim

CPU = ("cpu", "cpu-raw")


@dataclass
class CellData:
    """All attempts at one cell. usable: one record per block. results: all gates, per attempt."""

    usable: dict[int, Record] = field(default_factory=dict)
    tried: set[int] = field(default_factory=set)
    attempts: int = 0
    voids: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)  # gate -> why, the last one seen
    warned: dict[int, set[str]] = field(default_factory=dict)  # block -> gates that warned

    @property
    def lost(self) -> set[int]:
        """Blocks that were tried and have no usable record."""
        return self.tried - set(self.usable)


class Data:
    """Records by cell and block. `values` gives one metric, `common` the blocks that pair."""

    def __init__(self, plan: Plan, records: Iterable[Record]) -> None:
        self.cells = {cell.id: CellData() for cell in plan.cells}
        self.records: list[Record] = []
        self.results: list[list[GateResult]] = []
        self._covariates: dict[str, Covariate] = {}
        self._plan = {cell.id: cell for cell in plan.cells}
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Take one more attempt in."""
        if record.cell not in self.cells:
            return
        results = gates.check(record, self._plan[record.cell])
        record = slim(record)
        self._covariates.pop(record.experiment, None)
        self.records.append(record)
        self.results.append(results)
        found = self.cells[record.cell]
        found.tried.add(record.block)
        found.attempts += 1
        void = [result for result in results if result.state == "void"]
        for result in void:
            found.voids[result.gate] += 1
            found.reasons[result.gate] = result.why
        if not void:
            found.usable[record.block] = record
            found.warned[record.block] = {r.gate for r in results if r.state == "warn"}

    def covariate(self, experiment: str) -> Covariate:
        """Return how CPU time follows the pace of the server's CPU, over an experiment's cells."""
        if experiment not in self._covariates:
            points = [
                (cell.id, y, pace)
                for cell in self._plan.values()
                if cell.experiment == experiment
                for block, y in self._raw(cell.id, "cpu", ACTIVE).items()
                if y > 0 and (pace := pace_ns(self.cells[cell.id].usable[block])) is not None
            ]
            self._covariates[experiment] = fit(points)
        return self._covariates[experiment]

    def values(
        self, cell: str, metric: str, classes: Sequence[ClassName] = ACTIVE
    ) -> dict[int, float]:
        """Return the metric by block, for usable records that can give it.

        cpu is moved to the usual pace of the server's CPU (`lab.pace`); cpu-raw is as metered.
        """
        found = self._raw(cell, "cpu" if metric == "cpu-raw" else metric, classes)
        if metric != "cpu":
            return found
        covariate = self.covariate(self._plan[cell].experiment)
        usable = self.cells[cell].usable
        return {block: y * covariate.factor(usable[block]) for block, y in found.items()}

    def _raw(self, cell: str, metric: str, classes: Sequence[ClassName]) -> dict[int, float]:
        found: dict[int, float] = {}
        data = self.cells[cell]
        for block, record in sorted(data.usable.items()):
            warned = data.warned[block]
            if metric in LATENCIES and warned & gates.LATENCY_GATES:
                continue
            if metric in CPU and warned & gates.CPU_GATES:
                continue
            try:
                found[block] = value(record, metric, classes)
            except Unmeasured:
                continue
        return found

    def common(
        self, cells: Sequence[str], metric: str, classes: Sequence[ClassName] = ACTIVE
    ) -> tuple[list[int], list[list[float]]]:
        """Return the blocks that all those cells have, and per block their values in order."""
        series = [self.values(cell, metric, classes) for cell in cells]
        blocks = sorted(set.intersection(*(set(s) for s in series))) if series else []
        return blocks, [[s[block] for s in series] for block in blocks]
