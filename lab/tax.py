"""What a way to reach a server costs, against a process on loopback. Context, no part of a verdict.

Wherever one run has the same server under the same load on several networks, its numbers may be
compared across them only together with this: the ratio of CPU time and of service time, block by
block, in the same run. Pure.

A process is metered by its clock and a container by its control group; both count the same ns
(lab.meter, lab.cgroup). The time of a proxy in front of a published port is in neither.
"""

import math
from collections.abc import Iterator, Mapping

from lab.context import load_words, on_log_scale
from lab.data import Data
from lab.measure import ACTIVE, US, Unmeasured, mean
from lab.model import Cell, Plan
from lab.report.model import Estimate, Tax

AGAINST = "loopback"
Values = Mapping[int, float]  # by block


def taxes(plan: Plan, data: Data) -> list[Tax]:
    """Return one for each cell that has a twin on loopback, in the order of the plan."""
    return [
        Tax(
            experiment=cell.experiment,
            server=cell.server,
            factors=cell.factors,
            load=load_words(cell.load),
            network=cell.network,
            against=AGAINST,
            cpu=_ratio(data.values(cell.id, "cpu"), data.values(twin.id, "cpu")),
            service=_ratio(_service(data, cell), _service(data, twin)),
            cpu_us=_level(data.values(cell.id, "cpu")),
            service_us=_level(_service(data, cell)),
            blocks=len(data.common([cell.id, twin.id], "cpu")[0]),
        )
        for cell, twin in _twins(plan)
    ]


def _twins(plan: Plan) -> Iterator[tuple[Cell, Cell]]:
    """Yield each cell that is elsewhere with the one that is the same on loopback."""
    twins = {_same(cell): cell for cell in plan.cells if cell.network == AGAINST}
    for cell in plan.cells:
        if cell.network not in ("", AGAINST) and (twin := twins.get(_same(cell))):
            yield cell, twin


def _same(cell: Cell) -> str:
    """Say all of a cell but where it is."""
    return cell.model_copy(update={"id": "", "arm": "", "network": ""}).model_dump_json()


def _service(data: Data, cell: Cell) -> dict[int, float]:
    """Return the mean service time by block, us: from the request's last byte to its reply's."""
    found = {}
    for block, record in sorted(data.cells[cell.id].usable.items()):
        try:
            found[block] = mean(record, "service", ACTIVE) / US
        except Unmeasured:
            continue
    return found


def _ratio(a: Values, b: Values) -> Estimate | None:
    shared = [block for block in a if block in b and a[block] > 0 and b[block] > 0]
    return on_log_scale([a[block] / b[block] for block in shared]) if shared else None


def _level(values: Values) -> Estimate | None:
    found = [value for value in values.values() if value > 0 and math.isfinite(value)]
    return on_log_scale(found) if found else None
