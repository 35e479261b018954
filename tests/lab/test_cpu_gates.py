"""A gate about CPU per request voids nothing that is judged by something else."""

from lab import gates
from lab.cells import cells
from lab.config import parse
from lab.data import Data
from lab.model import Cell, Plan
from lab.record import Record
from tests.lab import records as r
from tests.lab.test_arm_loads import TEXT

ON_AN_EDGE = 6  # of 1000 requests: more than half a per cent


def crowded() -> Record:
    return r.record(engines=[r.engine(in_flight_at_edges=(ON_AN_EDGE, 0))])


def state(cell: Cell) -> str:
    found = gates.check(crowded(), cell)
    return next(result.state for result in found if result.gate == "window-edges")


def values(cell: Cell, metric: str) -> dict[int, float]:
    plan = Plan(
        profile="quick",
        seed=1,
        order="hashed",
        lab_sha256="",
        claims=[],
        looks=[1],
        cells=[cell],
        trials=[],
    )
    record = crowded().model_copy(update={"cell": cell.id, "experiment": cell.experiment})
    return Data(plan, [record]).values(cell.id, metric)


def test_where_cpu_is_judged_requests_on_an_edge_void_the_trial() -> None:
    assert state(r.cell()) == "void"
    assert not values(r.cell(), "throughput")


def test_where_it_is_not_they_only_warn() -> None:
    assert state(r.cell(cpu=False)) == "warn"
    assert values(r.cell(cpu=False), "throughput")


def test_and_even_there_no_cpu_per_request_comes_of_such_a_trial() -> None:
    assert not values(r.cell(cpu=False), "cpu")


def test_a_cell_knows_whether_a_claim_judges_it_by_cpu() -> None:
    waiting = parse(TEXT.encode())
    costly = parse(TEXT.replace("response-mean", "cpu").encode())
    unclaimed = waiting.model_copy(update={"claims": {}})

    assert [cell.cpu for cell in cells(waiting, "quick", "queue")] == [False, False]
    assert [cell.cpu for cell in cells(costly, "quick", "queue")] == [True, True]
    assert [cell.cpu for cell in cells(unclaimed, "quick", "queue")] == [True, True]
