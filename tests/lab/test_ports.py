"""Ports and tracked connections: waited for before a trial, counted behind it, gated."""

import json
import socket

import pytest

from lab import gates, ports
from lab.gates.ports import SHARE
from lab.host import parse_sockstat, time_waits
from lab.model import ClassLoad
from lab.record import PortUse, read
from lab.trial import run_trial
from loadtests.engine import sockdiag
from tests.lab import fakes
from tests.lab import records as r

TEXT = """sockets: used 17
TCP: inuse 1 orphan 0 tw 4711 alloc 1 mem 185
UDP: inuse 0 mem 256
"""


def found(record):
    (one,) = [each for each in gates.check(record, r.cell()) if each.gate == "ports"]
    return one


def use(time_wait, addresses=1):
    return PortUse(
        time_wait=time_wait, machine_before=9, machine_after=7, ports=28_232, addresses=addresses
    )


@pytest.mark.parametrize(
    ("text", "count"), [(TEXT, 4711), ("", -1), ("TCP: inuse 1\n", -1), ("UDP: tw 3\n", -1)]
)
def test_time_wait_is_read_from_sockstat(text, count):
    assert parse_sockstat(text) == count


def test_this_machine_counts_them():
    assert time_waits() >= 0


@pytest.mark.parametrize(
    ("grown", "addresses", "state"),
    [
        (22_585, 1, "ok"),
        (22_586, 1, "void"),
        (22_586, 16, "ok"),
        (400_000, 16, "void"),
        (-9, 1, "ok"),
    ],
)
def test_too_many_in_time_wait_void_the_trial(grown, addresses, state):
    assert found(r.record(ports=use(grown, addresses))).state == state
    assert pytest.approx(0.8) == SHARE


def test_one_connection_without_a_port_voids_the_trial():
    healthy = r.engine()
    hurt = json.loads(healthy.model_dump_json())
    hurt["classes"]["long"]["total"]["failed"] = {"no-port": 1}
    one = found(r.record(engines=[type(healthy).model_validate(hurt)]))
    assert one.state == "void"
    assert one.why == "1 connections found no port to come from"


def test_an_old_record_says_nothing_of_ports():
    old = r.record(ports=None)
    assert "ports" not in old.model_dump_json()
    assert read(old.model_dump_json()) == old
    assert not [one for one in gates.check(old, r.cell()) if one.gate == "ports"]


@pytest.mark.parametrize(
    ("load", "host", "engines", "addresses"),
    [
        ({"short": {"connections": 4, "rate": 10}}, "127.0.0.1", 1, 16),
        ({"short": {"connections": 4, "rate": 10}}, "127.0.0.1", 3, 48),
        ({"short": {"connections": 4, "rate": 10}}, "172.17.0.2", 3, 1),
        (
            {
                "storm": {"connections": 4},
                "idle": {"connections": 16_000},
                "long": {"connections": 1},
            },
            "127.0.0.1",
            1,
            16 + 2 + 1,
        ),
    ],
)
def test_whose_ports_they_are(load, host, engines, addresses):
    cell = r.cell(load={name: ClassLoad(**fields) for name, fields in load.items()})
    seen = fakes.FakeHost()
    seen.waiting, seen.waiting_for_us = 100, 30
    assert ports.used(cell, (host, 20_000), engines, 40, seen) == PortUse(
        time_wait=30, machine_before=40, machine_after=100, ports=28_232, addresses=addresses
    )
    assert ports.used(cell, (host, 20_000), 0, 40, seen) is None
    seen.waiting_for_us = -1
    assert ports.used(cell, (host, 20_000), engines, 40, seen) is None


def test_sockets_in_time_wait_are_counted_by_the_port_they_went_to():
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        port = listener.getsockname()[1]
        for _ in range(7):
            client = socket.create_connection(("127.0.0.1", port))
            accepted, _ = listener.accept()
            client.close()  # first, so TIME_WAIT is on its side
            assert accepted.recv(1) == b""
            accepted.close()
        assert sockdiag.time_waits(port) == 7
        assert sockdiag.time_waits(other.getsockname()[1]) == 0


def test_a_kernel_that_refuses_is_no_count():
    refusal = sockdiag.HEADER.pack(36, sockdiag.NLMSG_ERROR, 0, 1, 0) + bytes(20)
    with pytest.raises(OSError, match="refuses"):
        sockdiag.answers(refusal)


def trial_on(world):
    cell = r.cell()
    return run_trial(fakes.trial(cell), cell, 0, fakes.PLACE, world.stage)


def test_a_cell_whose_connections_stay_has_no_use_of_ports():
    assert trial_on(fakes.World()).ports is None


def test_the_record_has_the_ports():
    world = fakes.World()
    short = r.cell().load | {"short": ClassLoad(connections=2, rate=10)}
    cell = r.cell(load=short)
    record = run_trial(fakes.trial(cell), cell, 0, fakes.PLACE, world.stage)
    assert record.ports is not None
    assert record.ports.addresses == 16 + 1 + 1


@pytest.mark.parametrize(("seconds", "told"), [(87.0, 87.0), (0.4, 0.0)])
def test_the_record_has_the_time_until_there_was_room(monkeypatch, seconds, told):
    """It is no part of what the trial took; a wait that nobody notices is not told."""
    world = fakes.World()
    clock = world.stage.clock

    def make_room(_):
        clock.sleep_until(clock.now_ns() + int(seconds * 1e9))
        return True

    plain = trial_on(fakes.World())
    monkeypatch.setattr(world.stage.host, "make_room", make_room)
    record = trial_on(world)
    assert record.waited_s == pytest.approx(told)
    assert record.took_s == pytest.approx(plain.took_s)
    assert record.ended_unix == pytest.approx(record.started_unix + told + record.took_s)


def test_a_trial_without_room_is_void_and_starts_no_server():
    world = fakes.World()
    world.stage.host.room = False
    record = trial_on(world)
    assert gates.voids(record.gates) == ["ports"]
    assert "no room to follow 24 connections more" in record.error
    assert not [said for said in world.said if said.startswith("start")]
