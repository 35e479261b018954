"""The life-cycle of one trial, on fakes: its order, and what every fault leaves behind."""

import itertools

import pytest

from lab import gates
from lab.errors import EnvironmentUnfit, TrialFailed
from lab.record import Record, as_json, read
from lab.trial import PORT_TRIES, SLICES, run_trial
from tests.lab import fakes
from tests.lab import records as r


@pytest.fixture
def world():
    return fakes.World()


def run(world, cell=None, **changes) -> Record:
    cell = cell or r.cell()
    return run_trial(fakes.trial(cell, **changes), cell, 0, fakes.PLACE, world.stage)


def voids(record):
    return gates.voids(record.gates)


def test_the_order_of_a_healthy_trial(world):
    record = run(world)
    calls = [call for call in world.said if call != "read"]
    assert calls[:4] == ["start epoll", "verify echo", "footprint", "prepare"]
    assert calls[-5:] == ["go", "footprint", "release", "result", "stop"]
    assert world.said[world.said.index("go") + 1 :].count("read") == SLICES + 2  # one before stop
    assert voids(record) == []
    assert record.error == ""


def test_the_meter_is_read_at_the_edges_of_equal_slices(world):
    at = [reading.at_ns for reading in run(world).meter.slices]
    assert len(at) == SLICES + 1
    assert at[-1] - at[0] == r.WINDOW
    assert {b - a for a, b in itertools.pairwise(at)} == {r.WINDOW // SLICES}


def test_the_order_to_the_load_engine_is_the_cell(world):
    run(world)
    (order,) = world.load.orders
    assert order.classes == r.cell().load
    assert (order.seed, order.cpu, order.timing) == (5, fakes.PLACE.engine, r.cell().timing)


def test_the_set_up_that_was_drawn_reaches_the_server(world):
    run(world)
    (options,) = world.backend.started
    assert (options.port, options.cpu, options.label) == (20_000, fakes.PLACE.server, "run@1")
    assert options.env == {"PYTHONHASHSEED": "1", "LAB_PADDING": "xxx"}


def test_a_record_survives_the_file(world):
    record = run(world)
    assert read(as_json(record)) == record


def test_a_taken_port_moves_on_to_the_next_and_is_recorded(world):
    world.backend.taken = {20_000, 20_001}
    assert run(world).port == 20_002


def test_only_taken_ports_are_the_machines_fault(world):
    world.backend.taken = set(range(20_000, 20_000 + PORT_TRIES))
    with pytest.raises(EnvironmentUnfit, match="20000 to 20007 are all taken"):
        run(world)


def test_a_server_that_does_not_start_voids_the_trial(world):
    world.backend.fail = "no module named uvloop"
    record = run(world)
    assert voids(record) == ["trial-broke"]
    assert "no module named uvloop" in record.error
    assert record.server is None


@pytest.mark.parametrize("step", ["prepare", "go", "release", "result"])
def test_a_lost_load_engine_voids_the_trial_and_stops_the_server(world, step):
    world.load.fail_in[step] = fakes.lost_engine()
    record = run(world)
    assert voids(record) == ["load-engine"]
    assert world.said[-3:].count("stop") == 1
    assert "abort" in world.said


def test_a_lost_worker_voids_by_conservation(world):
    world.load.fail_in["result"] = TrialFailed("conservation", "a worker went missing")
    assert voids(run(world)) == ["conservation"]


def test_a_server_that_dies_in_the_window(world):
    world.backend.gone_at_ns = 200 * r.MS
    record = run(world)
    assert voids(record) == ["server-died"]
    assert record.server.died
    assert "abort" in world.said


def test_an_unknown_exception_is_stored_with_its_traceback(world):
    world.load.fail_in["go"] = ZeroDivisionError("a bug")
    record = run(world)
    assert voids(record) == ["trial-broke"]
    assert "Traceback" in record.error
    assert record.gates[0].why == "ZeroDivisionError: a bug"


def test_a_server_that_never_accepts_all_is_left_to_the_census(world):
    cell = r.cell(
        load={
            **r.cell().load,
            "idle": r.cell().load["idle"].model_copy(update={"connections": r.IDLE + 1}),
        }
    )
    assert "census" in voids(run(world, cell))


def test_interruption_stops_the_server_and_the_load(world):
    world.load.fail_in["go"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(world)
    assert {"abort", "stop"} <= set(world.said)
