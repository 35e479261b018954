"""From what engines tell to GET /lab/live: sums, census, gates, and its shape."""

import json
from pathlib import Path

import pytest

from lab.gates import GATES
from loadtests.engine.histogram import Histogram
from loadtests.web import board, document, form
from loadtests.web.meter import Meter, Reading

EXAMPLE = json.loads(
    (Path(__file__).parents[2] / "loadtests/web/example_live.json").read_text(encoding="utf-8")
)
SECOND = 1_000_000_000
MS = 1_000_000
SERVICE, LAG = 2 * MS, 10_000
WISH = form.read({"workload": "idle + busy", "idle": "6", "connections": "4", "rate": "1000"}, None)


def times(value, n):
    made = Histogram()
    made.add(value, n)
    return made.to_json()


def part(asked, done=0, failed=None, opened=None, scheduled=None):
    lost = sum((failed or {}).values())
    return {
        "counts": {
            "scheduled": done + lost if scheduled is None else scheduled,
            "sent": done + lost,
            "completed": done,
            "failed": failed or {},
            "bytes_sent": 64 * done,
            "bytes_received": 64 * done,
        },
        "connections": {
            "asked": asked,
            "established": asked,
            "open": asked if opened is None else opened,
            "lost": 0,
        },
        "response": times(SERVICE + LAG, done),
        "service": times(SERVICE, done),
        "lag": times(LAG, done),
        "connect": times(0, 0),
    }


def event(seq, long, idle=None, cpu=0.2, flying=1):
    """What an engine says at the end of second `seq`."""
    begin, end = (seq - 1) * SECOND, seq * SECOND
    done = long["counts"]["completed"]
    return {
        "event": "live",
        "seq": seq,
        "window": [begin, end],
        "classes": {"long": long, "idle": idle or part(3)},
        "marks": [[end, done * seq]] if seq > 1 else [[0, 0], [end, done]],
        "in_flight": [flying] * 100,
        "backlog": 0,
        "in_flight_at_edges": [0, 0],
        "cpu_ns": int(cpu * SECOND),
        "waits": 10,
        "events": 20,
        "full": 1,
    }


@pytest.fixture
def load():
    made = board.Load(WISH, "hand-1", 0.0, expected=2)
    made.state = "running"
    return made


def tell(load, seconds, **changes):
    """Both engines tell of so many seconds."""
    for seq in range(1, seconds + 1):
        for worker in "ab":
            load.take(worker, event(seq, part(2, 500), **changes))


def made(load, driver="hand", verdicts=()):
    return document.live(driver, load, None, [], verdicts, (2, 2))


def fits(found, wanted, where=""):
    """Whether a document has just the names of the example, and its kinds, or None."""
    if found is None or wanted is None:
        return
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys(), where
        for name in wanted:
            fits(found[name], wanted[name], f"{where}.{name}")
    elif isinstance(wanted, list):
        for number, one in enumerate(found):
            fits(one, wanted[0] if wanted else one, f"{where}[{number}]")
    elif isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
        assert isinstance(found, (int, float)), where
    else:
        assert isinstance(found, type(wanted)), where


def test_the_document_has_the_shape_that_the_page_was_written_for(load):
    load.meter = Meter("epoll", 7000, "http")
    load.meter.idle = load.meter.first = Reading(0, 0, 9 * MS, 0, 1)
    load.meter.readings = [Reading(0, 0, 9 * MS, 0, 1), Reading(SECOND, 4 * MS, 9 * MS, 0, 11)]
    tell(load, 3)
    found = made(load)
    fits(found, EXAMPLE)
    load.conclude(None)
    row = document.summary(load, "2026-11-23T12:00:00+00:00")
    fits(row, EXAMPLE["runs"][0])
    json.dumps(found, allow_nan=False)


def test_engines_are_added_and_never_averaged(load):
    tell(load, 3)
    now, total = made(load)["now"], made(load)["total"]
    assert now["requests_per_s"] == 1000
    assert (total["requests"], total["failures"]) == (3000, 0)
    assert now["census"]["asked"] == {"long": 4, "short": 0, "idle": 6}
    assert now["census"]["open"] == {"long": 4, "short": 0, "idle": 6}
    assert now["service_ms"] == {"p50": 2.0, "p90": 2.0, "p99": 2.0, "max": 2.0, "samples": 1000}
    assert now["response_ms"]["p50"] == 2.01
    assert now["send_lag_ms"] == {"p50": 0.01, "p99": 0.01}
    assert now["engine_cpu"] == 0.2  # the busiest, not the sum
    assert [point["t"] for point in made(load)["series"]] == [1.0, 2.0, 3.0]


def test_a_second_is_shown_when_all_engines_have_told_of_it(load):
    load.take("a", event(1, part(2, 500)))
    assert made(load)["now"] is None
    load.take("b", event(1, part(2, 300)))
    assert made(load)["now"]["requests_per_s"] == 800


def test_the_rest_of_a_second_is_no_point_of_the_chart(load):
    tell(load, 1)
    for worker in "ab":
        rest = event(2, part(2, 3))
        rest["window"][1] = rest["window"][0] + SECOND // 20
        load.take(worker, rest)
    assert len(load.series) == 1
    assert made(load)["total"]["requests"] == 1006


def test_what_the_meter_knows_is_of_the_same_requests(load):
    load.meter = Meter("epoll", 7000, "http")
    load.meter.idle = Reading(0, 0, 5, 0, 3)
    load.meter.first = Reading(0, 0, 5, 1, 13)
    load.meter.readings = [
        load.meter.first,
        Reading(SECOND, 40 * MS, 6, 1, 13),
        Reading(2 * SECOND, 90 * MS, 7, 3, 13),
    ]
    tell(load, 2)
    now = made(load)["now"]
    assert now["server_cpu_us_per_request"] == 50  # the last second's 50 ms for 1000 requests
    assert load.meter.mean_us == 45
    assert (now["server_cpu"], now["server_memory_bytes"], now["throttled"]) == (0.05, 7, 2)
    assert now["census"]["server_sockets"] == 10


def test_without_a_meter_the_reason_is_there_and_no_0(load):
    load.no_meter = "no meter: because"
    tell(load, 2)
    now = made(load)["now"]
    assert now["meter_note"] == "no meter: because"
    for name in ("server_cpu_us_per_request", "server_cpu", "server_memory_bytes", "throttled"):
        assert now[name] is None
    assert now["census"]["server_sockets"] is None


def state(load, gate):
    [found] = [one for one in load.judged if one["gate"] == gate]
    return found["state"], found["why"]


def test_every_gate_of_the_lab_has_a_state_and_all_is_well(load):
    tell(load, 12)
    found = {one["gate"]: one for one in load.judged}
    assert list(found) == [gate.name for gate in GATES]
    assert not [one for one in found.values() if one["state"] in ("warn", "void")], found
    assert all(one["why"] for one in found.values() if one["state"] == "unknown")
    assert found["census"]["state"] == found["errors"]["state"] == "pass"


@pytest.mark.parametrize(
    ("gate", "wanted", "changes", "long"),
    [
        ("generator-saturated", "void", {"cpu": 0.9}, part(2, 500)),
        ("generator-saturated", "warn", {"cpu": 0.75}, part(2, 500)),
        ("errors", "void", {}, part(2, 500, {"reset": 2})),
        ("wrong-bytes", "void", {}, part(2, 500, {"wrong": 1})),
        ("census", "void", {}, part(2, 500, opened=1)),
        ("census", "void", {"idle": part(3, opened=2)}, part(2, 500)),
        ("offered-vs-achieved", "void", {}, part(2, 450, scheduled=500)),
        ("littles-law", "warn", {"flying": 4}, part(2, 500)),
    ],
)
def test_a_gate_trips(load, gate, wanted, changes, long):
    for worker in "ab":
        load.take(worker, event(1, long, **changes))
    found, why = state(load, gate)
    assert found == wanted
    assert why


def test_gates_look_at_the_last_seconds_and_at_the_end_at_all(load):
    for worker in "ab":
        load.take(worker, event(1, part(2, 500, {"reset": 200})))
    assert state(load, "errors")[0] == "void"
    for seq in range(2, 11):
        for worker in "ab":
            load.take(worker, event(seq, part(2, 500)))
        assert state(load, "errors")[0] == ("pass" if seq == 10 else "void")  # every five seconds
    load.conclude(None)
    assert state(load, "errors")[0] == "void"
    row = document.summary(load, "")
    assert not row["valid"]
    assert "errors" in row["gates"]


def test_what_broke_is_a_void_gate(load):
    tell(load, 2)
    load.error = ("load-engine", "load engine died (signal 9)")
    load.conclude(None)
    found = {one["gate"]: one for one in load.judged}
    assert found["load-engine"] == {
        "gate": "load-engine",
        "state": "void",
        "why": "load engine died (signal 9)",
    }


def test_a_stretch_that_was_judged_is_not_lost(load):
    tell(load, 13)
    load.conclude(None)
    assert {engine.whole.completed for engine in load.engines.values()} == {13 * 500}
    assert load.total.completed == 13 * 1000
    response = [engine.whole.times("response").count for engine in load.engines.values()]
    assert response == [13 * 500] * 2


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([5], []),
        ([1] * 19, []),
        ([1, 2] * 10, ["p50"]),
        ([7] * 99 + [10**9], ["p50", "p90"]),
        (list(range(1, 1000)), ["p50", "p90"]),
        (list(range(1, 1001)), ["p50", "p90", "p99"]),
    ],
)
def test_percentiles_are_the_histograms_own_where_ten_samples_lie_beyond(values, shown):
    made = Histogram()
    made.add_all([value * 10_000 for value in values])
    wanted = dict.fromkeys(board.PERCENTILES)
    wanted |= {name: board.ms(made.quantile(board.PERCENTILES[name])) for name in shown}
    assert board.times(made) == wanted | {"max": board.ms(made.max), "samples": len(values)}


def test_nobody_drives_and_nothing_was_run():
    assert document.live(None, None, None, [], [], (0, 0)) == {
        **dict.fromkeys(("driver", "run", "now", "total")),
        **{name: [] for name in ("gates", "series", "runs", "verdicts")},
        "state": "idle",
        "why": "",
        "workers": 0,
        "engines": 0,
    }


def test_when_it_is_over_the_last_load_stays_to_be_seen(load):
    tell(load, 2)
    load.conclude(None)
    load.ended = 2.5
    found = made(load, driver=None)
    assert (found["state"], found["now"]) == ("idle", None)
    assert (found["run"]["server"], found["run"]["since_s"]) == ("epoll", 2.5)
    assert found["total"]["requests"] == 2000
    assert found["gates"] == load.judged
