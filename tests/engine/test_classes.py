"""The connection classes: against the lab's own servers, and against some that do wrong."""

import contextlib
import socket
import struct
import subprocess
import sys
import time
from typing import get_args

import pytest

from loadtests.engine.classes import ATTACKERS, FLEETING, MUTE, NAMES, ClassName
from loadtests.engine.clients import CLIENTS
from loadtests.engine.order import parse
from servers.catalog import PROTOCOLS

ROOT = __file__.rsplit("/tests/", 1)[0]
OWN = (sys.executable, "-m", "servers", "epoll")
MILLISECOND = 1_000_000
BIG = 300_000  # bytes: more than the kernel takes at once from a server whose client does not read
LOADS = {
    "long": {"connections": 3, "requests": 5},
    "short": {"connections": 20, "rate": 100.0},  # plenty: a busy machine leaves none unsent
    "idle": {"connections": 4},
    "slow-sender": {"connections": 4, "piece": 8, "every_s": 0.003},
    "slow-reader": {"connections": 2, "piece": 16384, "every_s": 0.002, "payload": BIG},
    "never-finishing": {"connections": 4},
    "churn": {"connections": 6, "rate": 100.0},
    "storm": {"connections": 30, "at_s": 0.1},
    "victim": {"connections": 20, "rate": 100.0},
}
TIMING = (0.1, 0.4, 0.1)


@pytest.fixture(scope="module")
def own_server():
    """own_server(protocol) → the address of a server of the lab's."""
    running = {}
    with contextlib.ExitStack() as stack:

        def start(protocol):
            if protocol not in running:
                with socket.socket() as free:
                    free.bind(("127.0.0.1", 0))
                    port = free.getsockname()[1]
                process = subprocess.Popen(
                    [*OWN, "--protocol", protocol, "--port", str(port)],
                    cwd=ROOT,
                    stdout=subprocess.PIPE,
                )
                stack.callback(process.stdout.close)
                stack.callback(process.wait, 10)
                stack.callback(process.terminate)
                assert b"listening" in process.stdout.readline()
                running[protocol] = type("Own", (), {"address": ("127.0.0.1", port)})
            return running[protocol]

        yield start


def loads(protocol, **changes):
    made = {name: dict(load) for name, load in LOADS.items()}
    if protocol == "http":
        made["slow-reader"] |= {"path": f"/bytes/{BIG}", "payload": 0}
    if protocol == "echo":
        del made["never-finishing"]
    for name, change in changes.items():
        made[name] |= change
    return made


@pytest.mark.parametrize("ends", ["close", "half-close", "reset", "abandon"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_all_classes_at_once_each_with_its_own_results(engine, own_server, order, protocol, ends):
    classes = loads(protocol, long={"ends": ends}, short={"ends": ends})
    result = engine.run(order(own_server(protocol), protocol=protocol, timing=TIMING, **classes))
    assert list(result.classes) == [name for name in NAMES if name in classes]
    for name, measured in result.classes.items():
        census, total, asked = measured.connections, measured.total, classes[name]["connections"]
        assert census.asked == asked
        assert not total.failed, (name, total.failed)
        assert (census.lost, census.refused, census.timed_out, census.unfinished) == (0, 0, 0, 0)
        if name not in ("short", "storm"):
            assert census.established == asked
            assert census.held_at_start + census.renewing_at_start == asked
            assert census.held_at_end + census.renewing_at_end == asked
        if name in MUTE:
            assert (total.scheduled, measured.window.response.count) == (0, 0)
        elif name == "short" and ends == "abandon":
            assert (total.completed, total.abandoned) == (0, total.scheduled)
        else:
            assert measured.window.completed > 0, name
    abandoned = {name for name, measured in result.classes.items() if measured.total.abandoned}
    assert abandoned <= {"slow-sender", "slow-reader"} | ({"long", "short"} & {*ENDED[ends]})
    assert result.classes["storm"].total.completed == 30


ENDED = {"abandon": ("long", "short"), "close": (), "half-close": (), "reset": ()}


def test_a_long_connection_ends_after_so_many_replies(engine, serve, order):
    """Each server-side connection hears exactly five requests, and the next one follows at once."""
    heard = []

    def behave(client, number):
        count = 0
        while data := client.recv(65536):
            count += 1
            client.sendall(data.upper())
        heard.append(count)

    server = serve(behave)
    result = engine.run(order(server, long={"connections": 2, "requests": 5}))
    server.wait_until_gone(server.accepted)
    measured = result.classes["long"]
    assert measured.connections.established == 2
    assert measured.connections.replaced > 2
    assert measured.window.connect.count > 0.9 * measured.connections.replaced
    cut = sorted(heard)[:2]  # the last ones, whom the end of the load has cut short
    assert max(cut) <= 5
    assert set(sorted(heard)[2:]) == {5}


@pytest.mark.parametrize(
    ("ends", "expected"),
    [("close", b""), ("half-close", b""), ("reset", ConnectionResetError)],
)
@pytest.mark.parametrize("name", ["long", "short"])
def test_how_a_connection_ends_as_the_server_sees_it(engine, serve, order, name, ends, expected):
    seen = []

    def behave(client, number):
        data = client.recv(64)
        if ends == "half-close":
            seen.append(client.recv(1))  # the end of the file comes before the answer is sent
        client.sendall(data.upper())
        if ends != "half-close":
            try:
                seen.append(client.recv(1))
            except ConnectionResetError:
                seen.append(ConnectionResetError)

    server = serve(behave)
    load = {"connections": 1, "ends": ends, "rate": 50.0}
    load |= {"requests": 1} if name == "long" else {}
    result = engine.run(order(server, **{name: load}))
    server.wait_until_gone(server.accepted)
    measured = result.classes[name]
    assert not measured.total.failed
    assert measured.total.completed > 5
    assert seen.count(expected) >= measured.total.completed - 1


def test_an_abandoned_reply_is_a_fate_of_its_own(engine, serve, order):
    """Half of the reply is read, and the server's next words meet a reset."""
    resets = []

    def behave(client, number):
        while data := client.recv(65536):
            client.sendall(data.upper())
            if client.recv(1, socket.MSG_PEEK) == b"":
                resets.append("closed")

    def noting(client, number):
        try:
            behave(client, number)
        except ConnectionResetError:
            resets.append("reset")

    server = serve(noting)
    load = {"connections": 1, "requests": 3, "ends": "abandon", "rate": 90.0}
    result = engine.run(order(server, long=load))
    server.wait_until_gone(server.accepted)
    total = result.classes["long"].total
    assert not total.failed
    assert total.abandoned == total.scheduled // 3
    assert resets.count("reset") >= total.abandoned
    assert total.bytes_received == 64 * total.completed + 32 * total.abandoned


def test_a_wrong_half_is_wrong_and_not_abandoned(engine, serve, order):
    def behave(client, number):
        client.recv(65536)
        client.sendall(b"!" * 64)
        client.recv(1)

    load = {"connections": 1, "ends": "abandon", "rate": 50.0}
    total = engine.run(order(serve(behave), short=load)).classes["short"].total
    assert set(total.failed) == {"wrong"}
    assert not total.abandoned


def test_a_server_that_drops_what_it_owes_at_a_half_close_is_told_of(engine, serve, order):
    def behave(client, number):
        client.recv(64)
        assert client.recv(1) == b""  # and hangs up without an answer

    load = {"connections": 2, "requests": 1, "ends": "half-close", "rate": 50.0}
    measured = engine.run(order(serve(behave), long=load)).classes["long"]
    assert set(measured.total.failed) == {"closed"}
    assert measured.connections.lost == sum(measured.total.failed.values())


def test_a_server_that_does_not_hang_up_after_a_half_close_is_left(engine, serve, order):
    def behave(client, number):
        client.sendall(client.recv(64).upper())
        assert client.recv(1) == b""
        while True:
            try:
                client.sendall(b"")
                if client.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK):
                    return
            except BlockingIOError:
                return
            time.sleep(0.02)
            if client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != 8:  # CLOSE_WAIT
                return

    load = {"connections": 1, "requests": 1, "ends": "half-close"}
    result = engine.run(order(serve(behave), long=load, timing=(0.05, 1.3, 0.05)))
    census = result.classes["long"].connections
    assert (census.unfinished, census.lost) == (1, 0)
    assert result.classes["long"].total.completed == 2


def test_a_slow_sender_takes_its_time(engine, serve, order):
    """64 bytes, 8 every 5 ms: 7 pauses. The service time counts from the first piece."""
    pieces = []

    def behave(client, number):
        data = b""
        while piece := client.recv(65536):
            pieces.append(len(piece))
            data += piece
            if len(data) == 64:
                client.sendall(data.upper())
                data = b""

    load = {"connections": 2, "piece": 8, "every_s": 0.005}
    server = serve(behave)
    measured = engine.run(order(server, **{"slow-sender": load})).classes["slow-sender"]
    server.wait_until_gone(2)
    assert pieces.count(8) > 0.5 * len(pieces)  # unless the server's thread was held up
    assert measured.window.completed >= 4
    assert measured.window.service.min >= 35 * MILLISECOND
    assert measured.total.abandoned <= 2
    assert not measured.total.failed
    assert measured.total.bytes_sent == sum(pieces)


def test_a_slow_reader_takes_its_time_and_the_server_must_wait(engine, serve, order):
    waited = []

    def behave(client, number):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        while data := client.recv(4096):
            while len(data) < BIG:
                data += client.recv(65536)
            begun = time.monotonic()
            client.sendall(data.upper())
            waited.append(time.monotonic() - begun)

    load = {"connections": 1, "piece": 8192, "every_s": 0.001, "payload": BIG}
    made = order(serve(behave), timing=(0.05, 0.4, 0.05), **{"slow-reader": load})
    measured = engine.run(made).classes["slow-reader"]
    assert measured.total.completed >= 2
    assert not measured.total.failed
    assert measured.window.service.min >= (BIG // 8192 - 1) * MILLISECOND
    assert measured.window.first_byte.sum < measured.window.service.sum / 2
    assert min(waited) > 0.01


def test_never_finishing_sends_a_part_and_holds(engine, serve, order):
    heard = {}

    def behave(client, number):
        heard[number] = b""
        while data := client.recv(65536):
            heard[number] += data

    server = serve(behave)
    made = order(server, protocol="http", **{"never-finishing": {"connections": 3}})
    census = engine.run(made).classes["never-finishing"].connections
    server.wait_until_gone(3)
    assert (census.held_at_start, census.held_at_end, census.lost) == (3, 3, 0)
    assert set(heard.values()) == {b"POST /echo HTTP/1.1\r\nHost: lab\r\nContent-Length: 64\r\n"}


def test_a_server_that_hangs_up_on_the_never_finishing_is_told_of(engine, serve, order):
    def impatient(client, number):
        client.recv(65536)
        time.sleep(0.08)  # beyond the warm-up
        if number == 0:
            client.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")

    server = serve(impatient)
    made = order(server, protocol="http", **{"never-finishing": {"connections": 3}})
    measured = engine.run(made | {"timing": {"warm_up": 0.01, "window": 0.2, "cool_down": 0.05}})
    census = measured.classes["never-finishing"].connections
    assert (census.established, census.held_at_start) == (3, 3)
    assert (census.lost, census.held_at_end) == (3, 0)
    assert server.accepted == 3  # not opened again


def test_churn_holds_as_many_and_replaces_the_oldest(engine, serve, order):
    lived = []

    def behave(client, number):
        assert client.recv(1) == b""
        lived.append(number)

    server = serve(behave)
    result = engine.run(order(server, churn={"connections": 5, "rate": 100.0}))
    server.wait_until_gone(server.accepted)
    measured = result.classes["churn"]
    assert (measured.connections.due, measured.connections.replaced) == (15, 15)
    assert (measured.connections.held_at_start, measured.connections.held_at_end) == (5, 5)
    assert measured.window.connect.count == 15
    assert server.accepted == 5 + 25
    assert set(range(5)) <= set(lived[:20])  # the youngest first, and these would be the last


def test_churn_keeps_what_it_has_when_nobody_listens_any_more(engine, serve, order, check):
    server = serve(lambda client, number: client.recv(1))
    made = order(server, churn={"connections": 3, "rate": 100.0})
    engine.prepare(made)
    while server.accepted < 3:
        time.sleep(0.01)
    server.listener.shutdown(socket.SHUT_RDWR)
    engine.say(go=made["trial"])
    engine.hear()
    result, deltas = engine.finish(made)
    check(result, deltas)
    census = result.classes["churn"].connections
    assert (census.replaced, census.lost, census.held_at_end) == (0, 0, 3)
    assert census.refused >= 3


def test_a_storm_comes_at_its_instant_all_at_once(engine, serve, order):
    came = []

    def behave(client, number):
        came.append(time.monotonic_ns())
        client.sendall(client.recv(64).upper())
        client.recv(1)

    result = engine.run(order(serve(behave), storm={"connections": 40, "at_s": 0.06}))
    measured = result.classes["storm"]
    strike = result.window[0] + 60 * MILLISECOND
    assert min(came) >= strike
    assert measured.window.lag.max < 100 * MILLISECOND
    assert (measured.total.scheduled, measured.total.completed) == (40, 40)
    assert (measured.connections.established, measured.window.connect.count) == (40, 40)
    assert measured.window.response.count == 40


def test_a_storm_shows_a_syn_that_had_to_be_sent_again(engine, order):
    """A backlog of one: the kernel drops what does not fit, and a client tries again after 1 s."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        server = type("Full", (), {"address": listener.getsockname()})
        made = order(server, storm={"connections": 3, "at_s": 0.05})
        engine.prepare(made)
        engine.say(go=made["trial"], start_ns=None)
        window = engine.hear()["window"]
        until = window[0] / 1e9 + 0.5
        time.sleep(max(0.0, until - time.monotonic()))  # well before the second SYN
        listener.settimeout(5)
        for _ in range(3):
            client = stack.enter_context(listener.accept()[0])
            client.settimeout(5)
            client.sendall(client.recv(64).upper())
        result, _ = engine.finish(made)
    measured = result.classes["storm"]
    assert measured.connections.established == measured.total.completed == 3
    assert measured.window.connect.max > 900 * MILLISECOND
    assert measured.window.connect.min < 100 * MILLISECOND


def test_what_a_storm_could_not_connect_is_counted(engine, closed_port, order):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        full = type("Full", (), {"address": listener.getsockname()})
        census = engine.run(order(full, storm={"connections": 5})).classes["storm"].connections
        assert census.established + census.timed_out == 5
        assert census.timed_out > 0
    measured = engine.run(order(closed_port, storm={"connections": 5})).classes["storm"]
    assert measured.connections.refused == 5
    assert measured.total.failed == {"refused": 5}


def test_a_victim_has_results_of_its_own(engine, serve, order):
    def behave(client, number):
        while data := client.recv(65536):
            time.sleep(0.02 if len(data) > 20 else 0)
            client.sendall(data.upper())

    result = engine.run(
        order(
            serve(behave),
            long={"connections": 4, "payload": 64},
            victim={"connections": 1, "rate": 100.0, "payload": 10},
        )
    )
    busy, victim = result.classes["long"], result.classes["victim"]
    assert victim.total.scheduled == 25
    assert busy.window.service.min >= 20 * MILLISECOND > victim.window.service.min


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_unfinished_request_is_a_part_that_nobody_can_answer(protocol):
    client = CLIENTS[protocol]("seed", 64, "/echo")
    if protocol == "echo":
        assert not client.unfinished
    else:
        request = client.exchanges[0][0]
        assert 0 < len(client.unfinished) < len(request)
        assert request.startswith(client.unfinished)


def wrong_byte(client):
    client.sendall(b"!" * 64)
    client.recv(1)


def short_reply(client):
    client.sendall(b"")


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # socket(7)


@pytest.mark.parametrize(
    ("wrong", "kind"), [(wrong_byte, "wrong"), (short_reply, "closed"), (reset, "reset")]
)
@pytest.mark.parametrize("name", ["slow-sender", "slow-reader", "storm", "victim", "long"])
def test_a_wrong_reply_is_counted_in_its_own_class(engine, serve, order, name, wrong, kind):
    """The class beside it, on connections of its own, is served well."""

    def behave(client, number):
        data = b""
        while piece := client.recv(65536):
            data += piece
            if len(data) == 64:
                wrong(client)
                return
            if len(data) == 10:
                client.sendall(data.upper())
                data = b""

    loads = {
        "slow-sender": {"connections": 2, "piece": 16, "every_s": 0.001},
        "slow-reader": {"connections": 2, "piece": 16, "every_s": 0.001},
        "storm": {"connections": 5, "at_s": 0.05},
        "victim": {"connections": 2, "rate": 100.0},
        "long": {"connections": 2, "requests": 3, "ends": "half-close"},
    }
    right = "short"
    classes = {name: loads[name], right: {"connections": 20, "rate": 50.0, "payload": 10}}
    made = order(serve(behave), **classes)
    result = engine.run(made)
    failed = result.classes[name].total.failed
    assert failed[kind] > 0
    assert set(failed) <= {kind, "unsent"}
    assert not result.classes[name].total.completed
    assert not result.classes[right].total.failed
    assert result.classes[right].total.completed > 0


@pytest.mark.parametrize(
    ("protocol", "classes", "why"),
    [
        ("echo", {"long": {"connections": 1, "ends": "reset"}}, "ends is of short"),
        ("echo", {"short": {"connections": 1, "ends": "softly"}}, 'no end "softly"'),
        ("echo", {"short": {"connections": 1, "requests": 2}}, "requests is of long"),
        ("echo", {"long": {"connections": 1, "requests": -2}}, "at least 1"),
        ("echo", {"long": {"connections": 1, "piece": 2, "every_s": 1.0}}, "make a class slow"),
        ("echo", {"slow-sender": {"connections": 1, "piece": 2}}, "make a class slow"),
        ("echo", {"slow-reader": {"connections": 1, "every_s": 2.0}}, "make a class slow"),
        ("echo", {"idle": {"connections": 1, "rate": 2.0}}, "has no rate"),
        ("echo", {"churn": {"connections": 1}}, "needs a rate"),
        ("echo", {"victim": {"connections": 1, "think_s": 0.1}}, "needs a rate"),
        ("echo", {"storm": {"connections": 1, "think_s": 0.1}}, "no think time"),
        ("echo", {"long": {"connections": 1, "at_s": 0.1}}, "at_s is of a storm"),
        ("echo", {"storm": {"connections": 1, "at_s": 0.2}}, "behind the window"),
        ("echo", {"never-finishing": {"connections": 1}}, "answers every byte"),
        ("echo", {"short": {"connections": 1, "payload": 1, "ends": "abandon"}}, "no middle"),
        ("echo", {"slow": {"connections": 1}}, "no connection class"),
    ],
)
def test_what_contradicts_itself_is_refused(order, protocol, classes, why):
    nobody = type("Nobody", (), {"address": ("127.0.0.1", 1)})
    with pytest.raises(ValueError, match=why):
        parse(order(nobody, protocol=protocol, **classes))


def test_a_load_by_hand_takes_the_classes_that_need_no_end(order):
    nobody = type("Nobody", (), {"address": ("127.0.0.1", 1)})
    live = {"live": True}
    with pytest.raises(ValueError, match="by hand"):
        parse(order(nobody, timing=(0, 1, 0), churn={"connections": 1, "rate": 1.0}) | live)
    with pytest.raises(ValueError, match="by hand"):
        parse(order(nobody, timing=(0, 1, 0), short={"connections": 1, "ends": "reset"}) | live)


def test_the_names_are_the_same_everywhere():
    assert get_args(ClassName) == NAMES
    assert set(NAMES) >= MUTE | FLEETING | ATTACKERS
