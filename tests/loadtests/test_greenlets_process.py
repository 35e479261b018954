"""Plain Locust users as a process: what they are told, what they count, how they end."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time

import pytest

from servers.catalog import PROTOCOLS
from tests.engine.conftest import Server, echo, talk
from tests.loadtests.plain_users import ROOT, Users, order

pytestmark = pytest.mark.slow

LONG = {"connections": 4, "think_s": 0.001}


@pytest.fixture
def serve():
    """serve(behave) → a running Server."""
    with contextlib.ExitStack() as stack:

        def start(behave=echo):
            server = Server(behave)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture
def users():
    running = Users()
    yield running
    running.close()


def speaking(protocol, send=lambda client, answer, turn: client.sendall(answer) or True):
    """A behaviour that speaks a protocol. send: false to hang up."""

    def behave(client, number):
        connection, turn = talk(protocol), 0
        if PROTOCOLS[protocol].hello:
            client.sendall(connection.receive(client.recv(65536)))
        while data := client.recv(65536):
            if answer := connection.receive(data):
                turn += 1
                if not send(client, answer, turn):
                    return

    return behave


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_all_classes_in_all_protocols_are_counted_alike(users, serve, protocol):
    server = serve(speaking(protocol))
    short = {"connections": 3, "think_s": 0.002}
    made = order(server, protocol=protocol, long=LONG, short=short, idle={"connections": 5})
    result = users.run(made)
    assert users.ready["established"] == {"long": 4, "idle": 5}
    assert result.driver == "greenlets"
    for name, connections in (("long", 4), ("idle", 5)):
        census = result.classes[name].connections
        assert census.asked == census.established == census.held_at_start == connections
        assert (census.held_at_end, census.lost) == (connections, 0)
    for name in ("long", "short"):
        measured = result.classes[name]
        assert not measured.total.failed
        assert measured.window.completed
        assert measured.window.first_byte.count == measured.window.completed
        total, window = measured.total, measured.window
        assert total.bytes_sent % total.sent == total.bytes_received % total.completed == 0
        assert window.response.sum == window.service.sum + window.lag.sum
    assert result.classes["short"].connections.established == result.classes["short"].total.sent
    assert result.classes["short"].window.connect.count
    assert result.classes["idle"].total.scheduled == 0
    assert result.cpu_ns > 0
    assert (result.waits, result.events, result.full, result.names) == (0, 0, 0, [])


def test_users_without_a_pause_obey_littles_law(users, serve):
    """N = X R, as each response time begins where the one before has ended: but for the edges."""
    made = order(serve(), long={"connections": 1}, timing=(0.1, 1.0, 0.05))
    window = users.run(made).classes["long"].window
    edges = 2 * window.response.max / 1e9
    assert window.response.sum / 1e9 == pytest.approx(1, abs=min(edges, 0.05))
    assert window.service.sum < window.response.sum * 0.95  # Locust's own part is no small one


def test_each_user_pauses_between_a_reply_and_its_next_request(users, serve):
    result = users.run(order(serve(), long={"connections": 2, "think_s": 0.02}))
    assert 1 <= result.classes["long"].window.completed <= 20  # 0.2 s, two users, 20 ms


def test_a_reply_in_pieces_is_one_reply(users, serve):
    def in_pieces(client, answer, turn):
        client.sendall(answer[:40])
        time.sleep(0.002)
        client.sendall(answer[40:])
        return True

    result = users.run(order(serve(speaking("http", in_pieces)), protocol="http", long=LONG))
    window = result.classes["long"].window
    assert not result.classes["long"].total.failed
    assert window.first_byte.sum < window.service.sum


@pytest.mark.parametrize(
    ("send", "kind"),
    [
        (lambda client, answer, turn: client.sendall(answer[:-1] + b"!") or True, "wrong"),
        (lambda client, answer, turn: client.sendall(answer + b"!") or True, "wrong"),
        (lambda client, answer, turn: client.sendall(answer[:9]) or turn > 9, "short"),
        (lambda client, answer, turn: False, "closed"),
    ],
)
def test_what_goes_wrong_is_counted_by_kind(users, serve, send, kind):
    result = users.run(order(serve(speaking("echo", send)), long=LONG))
    measured = result.classes["long"]
    assert set(measured.total.failed) == {kind}
    assert measured.total.failed[kind] > 4  # lost connections are replaced
    assert measured.total.completed == 0
    assert measured.connections.lost == measured.total.failed[kind]


def test_a_reset_is_a_reset(users, serve):
    def slam(client, number):
        client.recv(1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    result = users.run(order(serve(slam), short=LONG))
    assert set(result.classes["short"].total.failed) == {"reset"}


def test_no_reply_by_the_end_is_a_timeout(users, serve):
    def deaf(client, number):
        while client.recv(65536):
            pass

    result = users.run(order(serve(deaf), long=LONG, short=LONG))
    assert result.classes["long"].total.failed == {"timeout": 4}
    assert result.classes["short"].total.failed == {"timeout": 4}
    assert result.in_flight
    assert set(result.in_flight) == {8}


def test_nobody_there(users):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = type("Nobody", (), {"address": taken.getsockname()})
        result = users.run(order(nobody, long=LONG, short=LONG))
    assert users.ready["failed"] == {"long": {"refused": 4}}
    assert result.classes["long"].connections.established == 0
    assert set(result.classes["short"].total.failed) == {"refused"}


def test_connections_are_held_until_somebody_has_counted_them(users, serve):
    server = serve()
    users.prepare(order(server, long=LONG, idle={"connections": 3}) | {"hold": 20})
    users.say(go="a trial")
    users.hear()
    assert not server.gone.acquire(timeout=1)
    users.say(finish="a trial")
    users.finish()
    server.wait_until_gone(7)


def test_shares_add_up(serve):
    server = serve()
    made = order(server, long={"connections": 3, "think_s": 0.01}, idle={"connections": 1})
    established = []
    for index in range(2):
        one = Users()
        try:
            one.run(made | {"share": [index, 2]})
            established.append(one.ready["established"])
        finally:
            one.close()
    assert established == [{"long": 2, "idle": 1}, {"long": 1, "idle": 0}]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"driver": "engine"}, "driver"),
        ({"driver": {"locustfile": "x", "user": "y"}}, "driver"),
        ({"classes": {"long": {"connections": 1, "rate": 5.0}}}, "Locust's users are closed"),
        ({"classes": {"victim": {"connections": 1, "rate": 5.0}}}, "no such plain Locust user"),
        ({"classes": {"long": {"connections": 1, "requests": 5}}}, "do not know requests"),
        ({"live": True, "timing": {"warm_up": 0, "window": 1, "cool_down": 0}}, "load engine's"),
        ({"target": ["192.0.2.1", 80]}, "neither this machine"),
        ({"cpu": 4095}, "OSError"),
        ({"sead": 1}, "keys"),
    ],
)
def test_a_bad_order_fails_in_one_line(users, serve, change, word):
    answer = users.prepare(order(serve(), long=LONG) | change)
    assert (answer["event"], answer["trial"]) == ("failed", "a trial")
    assert word in answer["error"]
    assert "\n" not in answer["error"]


def test_one_trial_in_the_life_of_a_process(users, serve):
    made = order(serve(), long=LONG)
    users.run(made)
    assert "one trial" in users.prepare(made)["error"]


def test_commands_out_of_turn_disturb_nothing(users, serve):
    made = order(serve(), long=LONG)
    users.say(go="a trial")
    assert "no trial a trial" in users.hear()["error"]
    assert users.prepare(made)["event"] == "ready"
    users.say(go="yours")
    assert "no trial yours" in users.hear()["error"]
    users.say(go="a trial")
    assert users.hear()["event"] == "started"
    users.say(go="a trial")
    assert "begun already" in users.hear()["error"]
    users.finish()


@pytest.mark.parametrize("when", ["prepared", "running"])
@pytest.mark.parametrize("how", ["abort", "end"])
def test_it_ends_at_once(users, serve, when, how):
    server = serve()
    made = order(server, long=LONG, timing=(0.1, 30, 0.1))
    assert users.prepare(made)["event"] == "ready"
    if when == "running":
        users.say(go="a trial")
        assert users.hear()["event"] == "started"
    users.process.send_signal(signal.SIGINT)  # of somebody's Ctrl-C: the parent decides
    if how == "end":
        users.process.stdin.close()
    else:
        users.say(abort="a trial")
        while (event := users.hear())["event"] == "delta":
            pass
        assert event == {"event": "aborted", "trial": "a trial"}
    assert users.process.wait(10) == 0
    server.wait_until_gone(4)


def test_it_dies_with_its_parent_even_if_it_hears_nothing():
    """Its pipe stays open here: a user that never yields would not see the end of it either."""
    start = "p = subprocess.Popen([sys.executable, '-m', 'loadtests.greenlets']); print(p.pid)"
    code = f"import subprocess, sys; {start}; sys.stdout.flush(); p.wait()"
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe) as parent:
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.stdin.write(b"speak\n")
        parent.stdin.flush()
        assert b"failed" in parent.stdout.readline()
        parent.kill()
        poller = select.poll()
        poller.register(child, select.POLLIN)  # readable when it has ended, pidfd_open(2)
        assert poller.poll(10_000)
        os.close(child)
