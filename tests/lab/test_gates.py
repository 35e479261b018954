"""Each gate, on both sides of its threshold. `record()` is healthy; each case changes one thing."""

import pytest

from lab import gates
from lab.gates import host, load, server
from lab.model import ClassLoad
from lab.record import LocustCount, MeterResult
from tests.lab import records as r

MS = r.MS


def states(record, cell=None):
    return {g.gate: g.state for g in gates.check(record, cell or r.cell())}


def state(gate, record, cell=None):
    return states(record, cell)[gate]


def with_engine(**changes):
    return r.record(engines=[r.engine(**changes)])


def with_class(name, part, **changes):
    return r.record(engines=[r.of_class(r.engine(), name, part, **changes)])


def with_meter(**changes):
    return r.record(meter=MeterResult.model_validate({**dict(r.record().meter), **changes}))


def failing(kind, n):
    """A record in which n of 1200 requests failed, in the window of 1000, counted everywhere."""
    engine = r.of_class(r.engine(), "long", "total", completed=1200 - n, failed={kind: n})
    return r.record(
        engines=[r.of_class(engine, "long", "window", completed=1000 - n, failed={kind: n})],
        locust=LocustCount(requests=1200, failures=n, workers=1, lost_workers=0),
    )


def test_a_healthy_record_passes_every_gate():
    found = states(r.record())
    assert set(found.values()) == {"ok"}
    assert set(found) == {gate.name for gate in gates.GATES}


def test_every_gate_explains_itself():
    for gate in gates.GATES:
        assert gate.meaning.endswith(".")
        assert gate.remedy.endswith(".")
        assert gate.threshold
    assert len({gate.name for gate in gates.GATES}) == len(gates.GATES)


@pytest.mark.parametrize("share", [0.5, 0.75, 0.86])
def test_generator_saturated(share):
    due = "void" if share > load.ENGINE_SHARE_VOID else "warn"
    due = "ok" if share < load.ENGINE_SHARE_WARN else due
    cpu = int(share * r.WINDOW)
    assert state("generator-saturated", with_engine(cpu_ns=cpu)) == due


def test_several_engines_on_one_core_add_up():
    two = r.record(engines=[r.engine(cpu_ns=int(0.45 * r.WINDOW)) for _ in range(2)])
    assert state("generator-saturated", two) == "void"


@pytest.mark.parametrize(("completed", "due"), [(995, "ok"), (985, "void")])
def test_offered_vs_achieved(completed, due):
    changed = with_class("long", "window", completed=completed, response=r.histogram(1, completed))
    assert state("offered-vs-achieved", changed) == due


@pytest.mark.parametrize(
    ("spacing", "scheduled", "completed", "due"),
    [
        ("poisson", 480, 470, "ok"),  # ten more in the queue than before
        ("poisson", 480, 469, "void"),
        ("poisson", 100, 95, "ok"),
        ("poisson", 100, 94, "void"),  # of few, ten would be too many
        ("poisson", 5000, 4951, "ok"),
        ("poisson", 5000, 4949, "void"),
        ("constant", 480, 470, "void"),
    ],
)
def test_a_queue_of_poisson_arrivals_is_no_overload(spacing, scheduled, completed, due):
    spec = r.ClassLoad(connections=4, rate=2000, spacing=spacing)
    changed = with_class("long", "window", scheduled=scheduled, completed=completed)
    assert state("offered-vs-achieved", changed, r.cell(load={"long": spec})) == due


def test_offered_vs_achieved_does_not_judge_closed_loads():
    changed = with_class("long", "window", completed=1)
    assert state("offered-vs-achieved", changed, r.closed_cell()) == "ok"


@pytest.mark.parametrize(
    ("response_ns", "due"),
    [
        (100_000, "ok"),  # 2 = 2000/s * (100 us + 900 us)
        (140_000, "ok"),  # 4 % off
        (250_000, "void"),  # 15 % off: some of it is not in the counts
    ],
)
def test_littles_law_closed(response_ns, due):
    changed = with_class("long", "window", response=r.histogram(response_ns))
    assert state("littles-law", changed, r.closed_cell()) == due


@pytest.mark.parametrize(("in_flight", "due"), [([0, 0, 0, 0, 1] * 60, "ok"), ([1] * 60, "warn")])
def test_littles_law_open_only_warns(in_flight, due):
    """X S = 2000/s * 100 us = 0.2 in flight."""
    assert state("littles-law", with_engine(in_flight=in_flight)) == due


@pytest.mark.parametrize("what", ["established", "held_at_start", "held_at_end"])
@pytest.mark.parametrize("name", ["long", "idle"])
def test_census_at_the_engine(name, what):
    asked = r.LONG if name == "long" else r.IDLE
    assert state("census", with_class(name, "connections", **{what: asked - 1})) == "void"


@pytest.mark.parametrize(("more", "due"), [(-1, "void"), (0, "ok"), (1, "void")])
@pytest.mark.parametrize("when", ["ready", "after"])
def test_census_at_the_server(when, more, due):
    held = 8 + r.LONG + r.IDLE + more
    tolerated = when == "after" and more == 1  # one connection may overlap its successor
    changed = with_meter(**{when: r.footprint(held)})
    assert state("census", changed) == ("ok" if tolerated else due)


@pytest.mark.parametrize(("failed", "due"), [(1, "ok"), (2, "void")])
def test_errors(failed, due):
    """0.1 % of 1000 is one."""
    assert state("errors", failing("reset", failed)) == due


def test_errors_behind_the_window_tell_nothing_of_it():
    late = with_class("long", "total", completed=1150, failed={"timeout": 50})
    assert state("errors", late) == "ok"


def test_errors_void_a_trial_in_which_nothing_was_scheduled():
    nothing = with_class("long", "window", scheduled=0, sent=0, completed=0)
    assert state("errors", nothing) == "void"


@pytest.mark.parametrize(("wrong", "due"), [(0, "ok"), (1, "void")])
def test_wrong_bytes(wrong, due):
    assert state("wrong-bytes", failing("wrong", wrong)) == due


@pytest.mark.parametrize(
    ("locust", "due"),
    [
        ({}, "ok"),
        ({"requests": 1199}, "void"),
        ({"requests": 1201}, "void"),
        ({"failures": 1}, "void"),
        ({"lost_workers": 1}, "void"),
        ({"workers": 0}, "void"),
    ],
)
def test_conservation_against_locust(locust, due):
    count = {"requests": 1200, "failures": 0, "workers": 1, "lost_workers": 0, **locust}
    assert state("conservation", r.record(locust=count)) == due


def test_conservation_inside_the_engine():
    assert state("conservation", with_engine(delta_requests=1199)) == "void"
    assert state("conservation", with_class("long", "total", scheduled=1201)) == "void"
    lost = with_class("long", "window", response=r.histogram(120_000, 999))
    assert state("conservation", lost) == "void"
    assert state("conservation", r.record(locust=None)) == "void"


def test_conservation_speaks_for_lost_reports():
    broken = r.record(engines=[], locust=None, error="worker lost", error_gate="conservation")
    assert state("conservation", broken) == "void"
    assert "trial-broke" not in gates.voids(gates.check(broken, r.cell()))


@pytest.mark.parametrize(
    ("gate", "error_gate"),
    [("server-died", "server-died"), ("load-engine", "load-engine"), ("trial-broke", "other")],
)
def test_a_broken_trial_trips_the_gate_that_it_names(gate, error_gate):
    broken = r.record(engines=[], locust=None, meter=None, error="why", error_gate=error_gate)
    results = gates.check(broken, r.cell())
    assert gates.voids(results) == [gate]
    assert next(g.why for g in results if g.gate == gate) == "why"


@pytest.mark.parametrize(
    ("end", "due"),
    [
        ({}, "ok"),
        ({"died": True, "exit_code": -9}, "void"),
        ({"exit_code": 1}, "void"),
        ({"exit_code": None}, "void"),
    ],
)
def test_server_died(end, due):
    changed = r.record().server.model_copy(update=end)
    assert state("server-died", r.record(server=changed)) == due


@pytest.mark.parametrize("what", ["listen_overflows", "listen_drops"])
@pytest.mark.parametrize(("more", "due"), [(0, "ok"), (1, "void")])
def test_accept_drops(what, more, due):
    before = getattr(r.footprint(8), what)
    after = r.footprint(8 + r.LONG + r.IDLE, **{what: before + more})
    assert state("accept-drops", with_meter(after=after)) == due


@pytest.mark.parametrize(("in_flight", "due"), [(5, "ok"), (6, "void")])
def test_window_edges_in_flight(in_flight, due):
    """0.5 % of 1000 is five."""
    assert state("window-edges", with_engine(in_flight_at_edges=(in_flight, 0))) == due


@pytest.mark.parametrize(("bracket", "due"), [(1 * MS, "ok"), (1 * MS + 1, "void")])
def test_window_edges_bracket(bracket, due):
    slices = r.readings()
    slices[-1] = slices[-1].model_copy(update={"bracket_ns": bracket})
    assert state("window-edges", with_meter(slices=slices)) == due


def test_window_edges_marks_too_far_apart():
    marks = [(at, n) for at, n in r.engine().marks if abs(at - r.START) > 3 * MS]
    assert state("window-edges", with_engine(marks=marks)) == "void"


@pytest.mark.parametrize(
    ("missing_ms", "due"),
    [(15, "ok"), (21, "void")],  # 20 ms are tolerated; 21 of 116 ms are more than 1 %
)
def test_meter_closure(missing_ms, due):
    end = r.record().server.model_copy(update={"closure_cpu_ns": (95 + missing_ms) * MS})
    assert state("meter-closure", r.record(server=end)) == due


def test_meter_closure_tolerates_one_per_cent_of_much():
    end = r.record().server.model_copy(
        update={"last_cpu_ns": 9_950 * MS, "closure_cpu_ns": 10_000 * MS}
    )
    assert state("meter-closure", r.record(server=end)) == "ok"


def rising(growth):
    return [round(2 * MS * (1 + growth * k / 19)) for k in range(20)]


@pytest.mark.parametrize(("growth", "due"), [(0.25, "ok"), (0.45, "void")])
def test_drift_in_a_short_window(growth, due):
    """Both rise steadily; a change of 30 % of the median is tolerated."""
    assert state("drift", with_meter(slices=r.readings(rising(growth)))) == due


def test_a_drift_that_the_pace_of_the_cpu_explains_is_the_machines():
    slow = [100_000] * 8 + [180_000] * 12
    cpu = [20 * pace for pace in slow]
    noise = r.record().noise.model_copy(update={"pace_ns": slow})
    changed = with_meter(slices=r.readings(cpu))
    assert state("drift", changed) == "void"
    assert state("drift", changed.model_copy(update={"noise": noise})) == "ok"


@pytest.mark.parametrize(("growth", "due"), [(0.08, "ok"), (0.15, "void")])
def test_drift_in_a_window_of_two_seconds(growth, due):
    slices = [
        reading.model_copy(update={"at_ns": r.START + 4 * (reading.at_ns - r.START)})
        for reading in r.readings(rising(growth))
    ]
    marks = [(r.START + 4 * (at - r.START), n) for at, n in r.engine().marks]
    changed = with_meter(slices=slices).model_copy(update={"engines": [r.engine(marks=marks)]})
    assert state("drift", changed) == due


def test_noise_without_direction_is_no_drift():
    cpu = [3 * MS if k % 2 else 2 * MS for k in range(20)]
    assert state("drift", with_meter(slices=r.readings(cpu))) == "ok"


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"steal_ns": int(0.09 * r.WINDOW)}, "ok"),
        ({"steal_ns": int(0.11 * r.WINDOW)}, "void"),
        ({"foreign_cpu_ns": int(0.95 * r.WINDOW)}, "ok"),  # of two CPUs: 48 %
        ({"foreign_cpu_ns": int(1.05 * r.WINDOW)}, "void"),
        ({"spin_after_ns": int(3 * MS * 2.9)}, "ok"),
        ({"spin_after_ns": int(3 * MS * 3.1)}, "void"),
        ({"spin_before_ns": int(3 * MS * 3.1)}, "void"),
    ],
)
def test_host_noise(changes, due):
    noise = r.record().noise.model_copy(update=changes)
    assert state("host-noise", r.record(noise=noise)) == due


def test_latency_order():
    assert state("latency-order", r.record()) == "ok"
    impossible = r.histogram(120_000).model_copy(update={"max": 100_000, "sum": 10**12})
    assert state("latency-order", with_class("long", "window", response=impossible)) == "void"


@pytest.mark.parametrize(
    ("lag", "response", "due"),
    [
        (250_000, 400_000, "ok"),  # below 0.3 ms
        (350_000, 400_000, "warn"),
        (350_000, 2_000_000, "ok"),  # below a quarter of the response time
    ],
)
def test_send_lag_warns_and_voids_only_latencies(lag, response, due):
    changed = with_class("long", "window", lag=r.histogram(lag), response=r.histogram(response))
    assert state("send-lag", changed) == due
    assert not gates.voids(gates.check(changed, r.cell()))


def test_closed_loads_have_no_send_lag():
    late = with_class("long", "window", lag=r.histogram(10 * MS))
    cell = r.cell(load={"long": ClassLoad(connections=r.LONG, think_s=0.001)})
    assert state("send-lag", late, cell) == "ok"


def test_thresholds_are_those_of_the_method():
    assert (load.ENGINE_SHARE_VOID, load.ACHIEVED_SHARE, load.LITTLE_CLOSED) == (0.85, 0.99, 0.05)
    assert (load.ERROR_SHARE, server.EDGE_SHARE, server.DRIFT_CHANGE) == (0.001, 0.005, 0.10)
    assert host.STEAL_SHARE < 1
