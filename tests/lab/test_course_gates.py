"""Gates on a load that changes in the window: a ramp that was followed is no reason to void."""

import pytest

from lab import gates
from lab.model import ClassLoad
from lab.record import MeterResult
from loadtests.engine.course import course
from tests.lab import records as r

MS = r.MS
BEGUN = r.START - 50 * MS
RISE = [(0.05, 400), (0.5, 3600)]  # from 400/s at the window's start to 3600/s at its end
STEPS = [(0.3, 1000), (0.0, 3000)]


def ramped(stages, start=400.0, **changes):
    peak = max(start, *(target for _, target in stages))
    load = ClassLoad(connections=r.LONG, rate=peak, start=start, stages=stages, **changes)
    return r.cell(load={**r.cell().load, "long": load})


def following(stages, start=400.0, speed=lambda at, due: due, **changes):
    """A record of marks that follow the stages: completed by `at` is speed(at, due by then)."""
    rate = course(start, stages)
    marks = [
        (BEGUN + ms * MS, int(speed(ms / 1000, float(rate.gathered(ms * MS))))) for ms in range(601)
    ]
    return r.record(engines=[r.engine(marks=marks)], **changes)


def state(gate, record, cell):
    return {found.gate: found.state for found in gates.check(record, cell)}.get(gate)


@pytest.mark.parametrize("stages", [RISE, STEPS])
def test_a_ramp_that_is_followed_is_no_drift(stages):
    assert state("drift", following(stages), ramped(stages)) == "ok"


def test_the_same_record_is_a_drift_where_the_load_was_to_stand_still():
    closed = r.closed_cell()
    assert state("drift", following(RISE), closed) == "void"


def test_cpu_per_request_may_move_with_the_rate():
    cpu = [2 * MS + k * MS // 10 for k in range(20)]  # 2 to 4 ms a slice, of ever more requests
    meter = MeterResult.model_validate({**dict(r.record().meter), "slices": r.readings(cpu)})
    assert state("drift", following(RISE, meter=meter), ramped(RISE)) == "ok"
    assert state("drift", r.record(meter=meter), r.cell()) == "void"


@pytest.mark.parametrize(("lost", "due"), [(0.1, "ok"), (0.6, "void")])
def test_who_falls_behind_the_schedule_more_and_more_is_void(lost, due):
    slower = following(RISE, speed=lambda at, total: total * (1 - lost * at))
    assert state("drift", slower, ramped(RISE)) == due


def test_a_spike_that_is_worked_off_is_no_drift():
    spike = [(0.25, 1000), (0, 4000), (0.1, 4000), (0, 1000)]

    def at_most_2000(at, due):
        return due if at < 0.25 else min(due, 250 + 2000 * (at - 0.25))

    assert state("drift", following(spike, 1000, at_most_2000), ramped(spike, 1000)) == "ok"


def test_slices_in_which_hardly_anything_is_due_say_nothing():
    late = [(0.5, 0), (0, 3000)]  # two slices of the window have any
    assert state("drift", following(late, 0), ramped(late, 0)) is None
    from_nothing = [(0.05, 0), (0.5, 4000)]
    assert state("drift", following(from_nothing, 0), ramped(from_nothing, 0)) == "ok"


def test_a_meter_with_a_clock_of_its_own_cannot_meter_a_ramp():
    meter = MeterResult.model_validate({**dict(r.record().meter), "own_clock": True})
    record = following(RISE, meter=meter)
    assert state("drift", record, ramped(RISE)) == "void"
    assert state("drift", record, r.cell()) is None


def test_a_closed_load_has_no_schedule_to_fall_behind():
    load = ClassLoad(connections=r.LONG, start=1, stages=[(0.05, 1), (0.5, r.LONG)])
    assert state("drift", following(RISE), r.cell(load={"long": load})) is None


def test_stages_that_end_with_the_warm_up_are_judged_as_a_load_that_stands():
    soak = [(0.05, 2000)]
    assert state("drift", following(soak, 0), ramped(soak, 0)) == "ok"
    meter = MeterResult.model_validate(
        {**dict(r.record().meter), "slices": r.readings([2 * MS + k * MS for k in range(20)])}
    )
    assert state("drift", following(soak, 0, meter=meter), ramped(soak, 0)) == "void"


def crowd(stages, **changes):
    return r.cell(load={"long": ClassLoad(connections=8, think_s=0.9e-3, stages=stages, **changes)})


def replies(count):
    """So many replies of 0.1 ms in the window of half a second."""
    times = {"response": r.histogram(100_000, count), "completed": count}
    return r.record(engines=[r.of_class(r.engine(), "long", "window", **times)])


@pytest.mark.parametrize(
    ("stages", "count", "due"),
    [
        pytest.param([], 4000, "ok", id="8 all the time: 8 / 1 ms"),
        pytest.param([], 2000, "void", id="half of them missing"),
        pytest.param([(0.05, 8)], 4000, "ok", id="8 from the window on"),
        pytest.param([(0.3, 0), (0, 8)], 2000, "ok", id="8 in the second half"),
        pytest.param([(0.3, 0), (0, 8)], 4000, "warn", id="more than can be, and only a warning"),
    ],
)
def test_littles_law_counts_the_connections_that_ask(stages, count, due):
    assert state("littles-law", replies(count), crowd(stages)) == due


def test_drawn_think_times_may_have_another_mean_than_was_asked():
    """120 requests have a mean within 27 %; 4000 one within 5 %."""
    few = r.cell(load={"long": ClassLoad(connections=8, think_s=29.9e-3, spread="exponential")})
    assert state("littles-law", replies(120), few) == "ok"
    assert state("littles-law", replies(80), few) == "void"
    many = crowd([], spread="exponential")
    assert state("littles-law", replies(3600), many) == "void"
