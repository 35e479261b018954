"""The meter's line on the master: what is taken, what is not, and CPU time per request of it."""

import json

import pytest

from loadtests.web import meter
from loadtests.web.meter import Meter, Reading
from servers import vitals

SECOND = 1_000_000_000
GOOD = {
    "shape": 1,
    "monotonic_ns": 5,
    "cpu_ns": 100,
    "own_ns": 30,
    "throttled": 2,
    "memory_bytes": 7,
    "sockets": {"http": 4},
}


def test_the_servers_own_line_is_read():
    found = meter.parse(vitals.line({"http": 0}), "http")
    assert found.sockets == 0
    assert found.at_ns > 0


def test_what_the_meter_uses_itself_is_not_the_servers():
    assert meter.parse(json.dumps(GOOD).encode(), "http") == Reading(5, 70, 7, 2, 4)


@pytest.mark.parametrize("name", ["cpu_ns", "memory_bytes", "throttled"])
def test_what_cannot_be_had_is_none_and_never_0(name):
    found = meter.parse(json.dumps(GOOD | {name: None}).encode(), "http")
    assert getattr(found, name) is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"<h1>no</h1>",
        b"[]",
        b"null",
        json.dumps(GOOD | {"shape": 2}).encode(),
        json.dumps(GOOD | {"cpu_ns": "100"}).encode(),
        json.dumps(GOOD | {"monotonic_ns": 1.5}).encode(),
        json.dumps(GOOD | {"sockets": {"http": "<b>"}}).encode(),
        json.dumps(GOOD | {"sockets": {"echo": 1}}).encode(),
        json.dumps({k: v for k, v in GOOD.items() if k != "own_ns"}).encode(),
    ],
)
def test_what_is_no_line_is_refused(line):
    with pytest.raises(ValueError, match="no line of a meter"):
        meter.parse(line, "http")


def filled(*readings):
    found = Meter("epoll", 7000, "http")
    found.readings = list(readings)
    found.first = found.readings[0]
    return found


def reading(second, cpu_us, **more):
    facts = {"memory_bytes": 1, "throttled": 0, "sockets": 0} | more
    return Reading(second * SECOND, cpu_us and cpu_us * 1000, **facts)


MARKS = [(0, 0), (SECOND, 100), (2 * SECOND, 300), (3 * SECOND, 600)]


def test_requests_are_counted_between_the_readings_own_instants():
    found = filled(reading(1, 0), reading(2, 8000))
    found.settle([MARKS])
    assert found.per_request_us == 40  # 8000 us for 200 requests
    found.readings.append(reading(3, 17_000))
    found.settle([MARKS])
    assert found.per_request_us == 30  # 9000 us for 300
    assert found.mean_us == 34  # 17000 us for 500
    found.settle([MARKS])
    assert found.mean_us == 34  # each stretch once


def test_all_engines_requests_count():
    found = filled(reading(1, 0), reading(2, 8000))
    found.settle([MARKS, MARKS])
    assert found.per_request_us == 20


def test_nothing_is_said_before_every_engine_has_told_so_far():
    found = filled(reading(1, 0), reading(2, 8000))
    found.settle([MARKS, MARKS[:2]])
    assert found.per_request_us is None


@pytest.mark.parametrize("cpu", [(None, 1), (1, None), (None, None)])
def test_without_cpu_time_there_is_none_per_request(cpu):
    found = filled(reading(1, cpu[0]), reading(2, cpu[1]))
    found.settle([MARKS])
    assert (found.per_request_us, found.mean_us, found.cores) == (None, None, None)


def test_without_requests_there_is_no_cpu_time_per_request():
    found = filled(reading(1, 0), reading(2, 8000))
    found.settle([[(0, 7), (3 * SECOND, 7)]])
    assert found.per_request_us is None


def test_the_clock_of_another_host_is_held_against_nobody():
    found = filled(reading(1000, 0), reading(1001, 8000))
    found.settle([MARKS])
    assert found.per_request_us is None
    assert "clock" in found.note


def test_readings_take_a_small_share_of_the_servers_time():
    quick = filled(Reading(1, 0, 0, 0, 0, took_s=0.002))
    slow = filled(Reading(1, 0, 0, 0, 0, took_s=0.1))
    endless = filled(Reading(1, 0, 0, 0, 0, took_s=3.0))
    assert (quick.period, slow.period, endless.period) == (1.0, 5.0, 15.0)


def test_a_meter_that_is_not_there_is_said_and_nothing_is_0():
    found = Meter("127.0.0.1", 1, "http")  # tcpmux: nobody listens
    found.ask()
    assert found.note.startswith("no meter at 127.0.0.1:1: ")
    assert (found.last, found.held, found.cores, found.throttled) == (None,) * 4
