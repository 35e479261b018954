"""Source addresses: whose they are, that nobody shares one, and that they are used in turn."""

import errno
import socket
import time
from collections import Counter
from itertools import product

import pytest

from lab.record import EngineResult
from loadtests.engine import sockdiag, sources
from loadtests.engine.order import NAMES
from loadtests.engine.trial import AT_A_TIME, QUEUED
from tests.engine.test_inside import run


@pytest.mark.parametrize(
    ("name", "asked", "many"),
    [
        ("idle", 1, 1),
        ("idle", 8000, 1),
        ("idle", 8001, 2),
        ("idle", 15_000, 2),
        ("long", 8000, 0),
        ("long", 8001, 2),
        ("short", 1, 16),
        ("short", 0, 16),
        ("idle", 10_000_000, 16),
        ("victim", 1, 0),
    ],
)
def test_as_many_addresses_as_the_ports_are_worth(name, asked, many):
    assert sources.how_many(name, asked) == many
    assert len(sources.own("127.0.0.1", 0, name, asked)) == many


def test_no_two_classes_and_no_two_engines_share_an_address():
    seen = Counter(
        address
        for name, index in product(NAMES, range(64))
        for address in sources.own("127.0.0.1", index, name, 10_000_000)
    )
    assert max(seen.values()) == 1
    assert len(seen) == len(NAMES) * 64 * sources.OF_A_CLASS
    assert all(1 <= int(address.rpartition(".")[2]) <= 254 for address in seen)


@pytest.mark.parametrize("host", ["10.1.2.3", "::1", "fe80::1%lo", "198.18.0.2"])
def test_off_this_loopback_the_kernel_chooses(host):
    assert sources.own(host, 0, "short", 5) == []


def test_short_connections_take_their_addresses_in_turn(engine, serve, order):
    peers = []

    def note(client, number):
        peers.append(client.getpeername()[0])
        client.sendall(client.recv(65536).upper())

    result = engine.run(order(serve(note), short={"connections": 1, "rate": 400}))
    done = result.classes["short"].total
    assert done.completed == len(peers) > 16  # on a busy machine the last ones stay unsent
    mine = sources.own("127.0.0.1", 0, "short", 1)
    assert peers == [mine[k % 16] for k in range(len(peers))]


class Full(socket.socket):
    """As on an address whose ports are all taken."""

    def connect_ex(self, address):
        return errno.EADDRNOTAVAIL


def test_a_lack_of_ports_is_the_loads_own_and_no_refusal(serve, order, monkeypatch):
    made = order(serve(), idle={"connections": 2}, short={"connections": 1, "rate": 100})
    monkeypatch.setattr(socket, "socket", Full)
    *_, done = events = run(made)
    assert events[0]["failed"] == {"idle": {"no-port": 2}}
    result = EngineResult.model_validate(done["result"])
    assert set(result.classes["short"].total.failed) <= {"no-port", "unsent"}
    assert result.classes["short"].total.failed["no-port"] > 0


def test_the_backlog_of_a_listener_is_seen():
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        port = listener.getsockname()[1]
        assert sockdiag.queued(port) == 0
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
        assert sockdiag.queued(port) == 5
        listener.accept()[0].close()
        assert sockdiag.queued(port) == 4
        for client in clients:
            client.close()
    assert sockdiag.queued(port) == -1


def test_many_connections_wait_for_a_server_that_lags_behind(engine, order):
    """A backlog of 600 and nobody who accepts: connecting stops far below it, and goes on later."""
    with socket.create_server(("127.0.0.1", 0), backlog=600) as listener:
        server = type("Lagging", (), {"address": listener.getsockname()})
        engine.say(prepare=order(server, idle={"connections": 1500}))
        deadline = time.monotonic() + 10
        while sockdiag.queued(server.address[1]) <= QUEUED and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.1)  # a hundred times the pause between two looks
        assert QUEUED < sockdiag.queued(server.address[1]) <= QUEUED + 2 * AT_A_TIME
        held = [listener.accept()[0] for _ in range(1500)]
        assert engine.hear()["established"] == {"idle": 1500}
        engine.say(abort="a trial")
        assert engine.hear()["event"] == "aborted"
        for one in held:
            one.close()
