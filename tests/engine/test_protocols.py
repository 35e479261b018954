"""Each protocol in each connection class: servers that are right, foreign, and wrong."""

import itertools
import socket
import struct
import threading
import time

import pytest

from loadtests.engine.clients import CLIENTS
from servers.catalog import PROTOCOLS

PARSED = ["http", "websocket"]
LONG = {"connections": 3}
HEADS = {  # bytes around an answer of 64
    "echo": 0,
    "http": len(PROTOCOLS["http"].answer.replace(b": 6", b": 64")) - len(b"READY?"),
    "websocket": 2,
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_all_is_well_in_every_class(engine, serve, order, speak, protocol):
    classes = {
        "long": LONG,
        "short": {"connections": 20, "rate": 200.0},
        "idle": {"connections": 5},
    }
    server = serve(speak(protocol))
    result = engine.run(order(server, protocol=protocol, **classes))
    for name, measured in result.classes.items():
        assert not measured.total.failed
        assert measured.connections.lost == 0
        if name != "short":
            assert engine.ready["established"][name] == classes[name]["connections"]
        if name == "short":
            assert measured.connections.established == measured.total.completed == 50
        if name == "idle":
            assert measured.total.sent == 0
            assert measured.connections.held_at_end == 5
        else:
            size = 64 + HEADS[protocol]
            assert measured.total.bytes_received == size * measured.total.completed
            assert measured.window.completed > 0


@pytest.mark.parametrize("rate", [0.0, 100.0], ids=["closed", "open"])
@pytest.mark.parametrize("protocol", PARSED)
@pytest.mark.parametrize("size", [1, 126, 65_536, 700_000])
def test_payloads_of_every_size(engine, serve, order, speak, protocol, rate, size):
    load = {"connections": 10, "rate": rate, "payload": size}
    result = engine.run(order(serve(speak(protocol)), protocol=protocol, long=load))
    assert result.classes["long"].total.completed > 0
    assert not result.classes["long"].total.failed


@pytest.mark.parametrize(
    ("path", "body"), [("/bytes/1000000", 1_000_000), ("/cpu/100", 4), ("/offload/1", 4)]
)
def test_paths(engine, serve, order, speak, path, body):
    load = {"path": path, "payload": 0}
    classes = {"long": LONG | load, "short": {"connections": 2} | load}
    result = engine.run(order(serve(speak("http")), protocol="http", **classes))
    for measured in result.classes.values():
        assert measured.total.completed > 0
        assert not measured.total.failed
        assert measured.total.bytes_received > body * measured.total.completed


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_short_connection_is_closed_by_the_client(engine, serve, order, speak, protocol):
    """So that TIME_WAIT stays on this side in every protocol: the server sees the end, in peace."""
    ends = []

    def behave(client, number):
        try:
            speak(protocol)(client, number)  # until recv() says b""
            ends.append("end")
        except OSError as error:
            ends.append(error)

    load = {"connections": 20, "rate": 100.0}
    server = serve(behave)
    result = engine.run(order(server, protocol=protocol, short=load))
    server.wait_until_gone(25)
    assert result.classes["short"].total.completed == 25
    assert ends == ["end"] * 25


# ---- foreign words


def chunked(body):
    middle = len(body) // 2
    pieces = (b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:middle], body[middle:]))
    yield b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    yield from pieces
    yield b"0\r\n\r\n"


def framework(body):
    yield b"HTTP/1.1 200 OK\r\nserver: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


def in_two(body):
    yield b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body)
    yield body


def restless(body, dates=itertools.count()):  # noqa: B008  # one count for all replies
    date = b"x" * (next(dates) % 7)
    yield b"HTTP/1.1 200 OK\r\ndate: %s\r\ncontent-length: %d\r\n\r\n" % (date, len(body)) + body


def like_ours_at_first(body):
    """The first piece is what was foreseen, the second is not."""
    yield b"HTTP/1.1 200 OK\r\nContent-Type: "
    yield b"text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def in_bytes(body):
    for whole in framework(body):
        yield from (whole[at : at + 1] for at in range(len(whole)))


def sending(say, pause=0.0):
    """A server that takes the right answer's body and says it in other words. Counts its bytes."""
    sent = []

    def send(client, answer, turn):
        pieces = list(say(answer.partition(b"\r\n\r\n")[2]))
        sent.append(sum(map(len, pieces)))
        for piece in pieces:
            client.sendall(piece)
            if len(pieces) > 1:
                time.sleep(pause)
        return True

    return send, sent


@pytest.mark.parametrize("rate", [0.0, 100.0], ids=["closed", "open"])
@pytest.mark.parametrize(
    ("say", "pause"),
    [
        (framework, 0.0),
        (restless, 0.0),
        (in_two, 0.001),
        (chunked, 0.001),
        (like_ours_at_first, 0.001),
        (in_bytes, 0.0),
    ],
)
def test_other_words_that_say_the_same(engine, serve, order, speak, say, pause, rate):
    send, sent = sending(say, pause)
    classes = {
        "long": {"connections": 20, "rate": rate, "payload": 20},  # plenty: none is left unsent
        "short": {"connections": 20, "rate": 100.0, "payload": 20},
    }
    result = engine.run(order(serve(speak("http", send)), protocol="http", **classes))
    totals = [measured.total for measured in result.classes.values()]
    assert not any(total.failed for total in totals)
    assert all(total.completed > 10 for total in totals)
    assert sum(total.completed for total in totals) == len(sent)
    assert sum(total.bytes_received for total in totals) == sum(sent)


# ---- wrong ones


def wrong_byte(client, answer, last):
    client.sendall(answer[:-1] + b"!")
    return True


def too_long(client, answer, last):
    client.sendall(answer + b"!")
    return True


def wrong_head(client, answer, last):
    client.sendall(answer.replace(b"200", b"500") if b"200" in answer else b"\x81" + answer[1:])
    return True


def masked(client, answer, last):
    client.sendall(answer[:1] + bytes([answer[1] | 0x80]) + bytes(4) + answer[2:])
    return True


def from_before(client, answer, last):
    client.sendall(last)
    return True


def twice(client, answer, last):
    client.sendall(answer + answer)
    return True


def short_reply(client, answer, last):
    client.sendall(answer[: len(answer) // 2])
    return False


def short_of_other_words(client, answer, last):
    client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 64\r\n\r\n" + answer[-64:-1])
    return False


def short_head_of_other_words(client, answer, last):
    client.sendall(b"HTTP/1.1 200 OK\r\ncontent-")
    return False


def hang_up(client, answer, last):
    return False


def reset(client, answer, last):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # socket(7)
    return False


BOTH = [
    (wrong_byte, "wrong"),
    (too_long, "wrong"),
    (twice, "wrong"),
    (wrong_head, "wrong"),
    (from_before, "wrong"),
    (short_reply, "short"),
    (hang_up, "closed"),
    (reset, "reset"),
]
HTTP = [(short_of_other_words, "short"), (short_head_of_other_words, "short")]
CASES = [
    *((protocol, *case) for protocol in PARSED for case in BOTH),
    *(("http", *case) for case in HTTP),
    ("websocket", masked, "wrong"),
]


def every_fifth(wrong):
    """Right four times, then `wrong(client, answer, last)`."""
    last = {}

    def send(client, answer, turn):
        before, last[client] = last.get(client), answer
        if turn % 5:
            client.sendall(answer)
            return True
        return wrong(client, answer, before)

    return send


@pytest.mark.parametrize("rate", [0.0, 300.0], ids=["closed", "open"])
@pytest.mark.parametrize(("protocol", "wrong", "kind"), CASES)
def test_a_wrong_reply_is_counted_by_kind(engine, serve, order, speak, protocol, wrong, kind, rate):
    server = serve(speak(protocol, every_fifth(wrong)))
    result = engine.run(order(server, protocol=protocol, long=LONG | {"rate": rate}))
    measured = result.classes["long"]
    assert measured.total.failed[kind] > 0
    assert set(measured.total.failed) <= {kind, "unsent"}
    assert measured.total.completed > 0
    assert measured.connections.lost == measured.total.failed[kind]


@pytest.mark.parametrize(("protocol", "wrong", "kind"), [c for c in CASES if c[1] != from_before])
def test_a_short_connection_fails_by_kind(engine, serve, order, speak, protocol, wrong, kind):
    server = serve(speak(protocol, lambda client, answer, turn: wrong(client, answer, b"")))
    load = {"connections": 20, "rate": 100.0}
    total = engine.run(order(server, protocol=protocol, short=load)).classes["short"].total
    assert total.failed == {kind: 25}
    assert total.completed == 0


@pytest.mark.parametrize("protocol", PARSED)
def test_no_answer_is_a_timeout(engine, serve, order, speak, protocol):
    server = serve(speak(protocol, lambda client, answer, turn: True))
    classes = {"long": LONG, "short": {"connections": 2}}
    result = engine.run(order(server, protocol=protocol, **classes))
    assert result.classes["long"].total.failed == {"timeout": 3}
    assert result.classes["short"].total.failed == {"timeout": 2}


@pytest.mark.parametrize("protocol", PARSED)
def test_a_reply_that_is_late_is_awaited_and_timed(engine, serve, order, speak, protocol):
    def late(client, answer, turn):
        time.sleep(0.06)
        client.sendall(answer)
        return True

    result = engine.run(order(serve(speak(protocol, late)), protocol=protocol, long=LONG))
    measured = result.classes["long"]
    assert not measured.total.failed
    assert measured.window.service.min > 60_000_000


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_answer_before_the_question_is_wrong(engine, serve, order, protocol):
    """The right bytes, from a server that has read one: more is on its way than sockets hold."""
    size = 24_000_000  # bytes; tcp_wmem and tcp_rmem end at some 10 MB together
    client = CLIENTS[protocol]("1/long/payload", size, "/echo")
    over = threading.Event()

    def clairvoyant(peer, number):
        if client.hello:
            peer.recv(len(client.hello))
            peer.sendall(PROTOCOLS[protocol].welcome)
        peer.recv(1)
        if number == 0:
            peer.sendall(client.exchanges[0][1])
        over.wait(10)

    load = {"connections": 1, "payload": size}
    made = order(serve(clairvoyant), protocol=protocol, timing=(0.05, 0.5, 0.05), long=load)
    total = engine.run(made).classes["long"].total
    over.set()
    assert total.failed == {"wrong": 1, "timeout": 1}
    assert total.completed == 0


@pytest.mark.parametrize("protocol", PARSED)
def test_words_nobody_asked_for_lose_a_connection(engine, serve, order, speak, protocol):
    """Behind a right reply, before the next request: no request is charged with them."""

    def chatty(client, answer, turn):
        client.sendall(answer)
        if turn == 3:
            time.sleep(0.002)
            client.sendall(answer)
        return True

    server = serve(speak(protocol, chatty))
    load = {"connections": 1, "rate": 20.0}
    measured = engine.run(order(server, protocol=protocol, long=load)).classes["long"]
    assert measured.connections.lost == 1
    assert measured.total.scheduled == 5
    assert not measured.total.failed


# ---- the opening of WebSocket


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        ([PROTOCOLS["websocket"].welcome], ""),
        ([PROTOCOLS["websocket"].welcome[:40], PROTOCOLS["websocket"].welcome[40:]], ""),
        ([PROTOCOLS["websocket"].welcome.replace(b"s3pP", b"s3pp")], "wrong"),
        ([b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"], "wrong"),
        ([PROTOCOLS["websocket"].welcome + b"\x81\x02hi"], "wrong"),
        ([PROTOCOLS["websocket"].welcome[:40]], "closed"),
        ([], "closed"),
    ],
)
def test_the_opening(engine, serve, order, pieces, kind):
    def open_so(client, number):
        assert client.recv(65536) == PROTOCOLS["websocket"].hello
        for piece in pieces:
            client.sendall(piece)
            time.sleep(0.002)
        if not kind:
            assert client.recv(65536) == b""

    server = serve(open_so)
    classes = {"idle": {"connections": 4}}
    result = engine.run(order(server, protocol="websocket", **classes))
    assert engine.ready["failed"] == {"idle": {kind: 4} if kind else {}}
    assert engine.ready["established"] == {"idle": 0 if kind else 4}
    assert result.classes["idle"].connections.held_at_end == (0 if kind else 4)
    if kind:
        load = {"connections": 20, "rate": 40.0}
        result = engine.run(order(server, protocol="websocket", short=load))
        assert result.classes["short"].total.failed == {kind: 10}


@pytest.mark.parametrize("protocol", ["echo", "http"])
def test_an_idle_connection_is_silent_from_the_start(engine, serve, order, protocol):
    heard = []

    def listen(client, number):
        heard.append(client.recv(65536))

    server = serve(listen)
    engine.run(order(server, protocol=protocol, idle={"connections": 4}))
    server.wait_until_gone(4)
    assert heard == [b""] * 4
