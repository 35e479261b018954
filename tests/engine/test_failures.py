"""Servers that do wrong: every failure is caught, by name, and nothing is lost from the count."""

import itertools
import socket
import struct
import time

import pytest

LONG = {"connections": 3}


def every_fifth(wrong):
    """Right four times, then `wrong(client, data)`; go on if it returns true."""

    def behave(client, number):
        for turn in itertools.count(1):
            data = client.recv(65536)
            if not data:
                return
            if turn % 5:
                client.sendall(data.upper())
            elif not wrong(client, data):
                return

    return behave


def wrong_byte(client, data):
    client.sendall(data.upper()[:-1] + b"!")
    return True


def too_long(client, data):
    client.sendall(data.upper() + b"!")
    return True


def short_reply(client, data):
    client.sendall(data.upper()[:10])
    return False


def hang_up(client, data):
    return False


def reset(client, data):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # socket(7)
    return False


@pytest.mark.parametrize("rate", [0.0, 300.0], ids=["closed", "open"])
@pytest.mark.parametrize("name", ["long", "short"])
@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (wrong_byte, "wrong"),
        (too_long, "wrong"),
        (short_reply, "short"),
        (hang_up, "closed"),
        (reset, "reset"),
    ],
)
def test_a_wrong_reply_is_counted_by_kind(engine, serve, order, name, rate, wrong, kind):
    behave = every_fifth(wrong) if name == "long" else lambda c, n: wrong(c, c.recv(65536))
    result = engine.run(order(serve(behave), **{name: LONG | {"rate": rate}}))
    measured = result.classes[name]
    failed = measured.total.failed
    assert failed[kind] > 0
    assert set(failed) <= {kind, "unsent"}
    if name == "long":
        assert measured.total.completed > 0
        assert measured.connections.lost == failed[kind]
    else:
        assert measured.total.completed == 0
        assert measured.window.response.count == 0


def test_a_cached_reply_is_wrong(engine, serve, order):
    """The right answer to the question before: same length, same letters."""

    def behave(client, number):
        last = None
        while data := client.recv(65536):
            client.sendall((last or data).upper())
            last = data

    result = engine.run(order(serve(behave), long={"connections": 1}))
    measured = result.classes["long"].total
    assert measured.failed["wrong"] > 0
    assert abs(measured.completed - measured.failed["wrong"]) <= 1


def test_no_answer_is_a_timeout_and_the_rest_was_never_sent(engine, serve, order):
    def deaf(client, number):
        while client.recv(65536):
            pass

    result = engine.run(order(serve(deaf), long=LONG | {"rate": 400.0}))
    total, window = result.classes["long"].total, result.classes["long"].window
    assert total.failed == {"timeout": 3, "unsent": 97}
    assert total.scheduled == 100
    assert window.failed == {"unsent": 60}
    assert window.completed == 0
    closed = engine.run(order(serve(deaf), long=LONG, short={"connections": 2}))
    assert closed.classes["long"].total.failed == {"timeout": 3}
    assert closed.classes["short"].total.failed == {"timeout": 2}


def test_refused(engine, closed_port, order):
    made = order(closed_port, long=LONG, idle={"connections": 5}, short={"connections": 2})
    result = engine.run(made)
    assert engine.ready["established"] == {"long": 0, "idle": 0}
    assert engine.ready["failed"] == {"long": {"refused": 3}, "idle": {"refused": 5}}
    assert result.classes["long"].total.scheduled == 0
    assert result.classes["idle"].connections.held_at_start == 0
    assert set(result.classes["short"].total.failed) == {"refused"}
    opened = engine.run(order(closed_port, short={"connections": 2, "rate": 200.0}))
    assert opened.classes["short"].total.failed["refused"] > 0
    assert opened.classes["short"].total.scheduled == 50


def test_an_idle_connection_closed_by_the_server_is_lost(engine, serve, order):
    def patient_with_even_ones(client, number):
        if number % 2:
            time.sleep(0.12)
            return
        client.recv(1)

    load = {"connections": 10}
    result = engine.run(order(serve(patient_with_even_ones), idle=load, timing=(0.01, 0.3, 0.05)))
    census = result.classes["idle"].connections
    assert (census.asked, census.established) == (10, 10)
    assert (census.lost, census.held_at_end) == (5, 5)


def test_an_idle_connection_that_is_spoken_to_is_lost(engine, serve, order):
    def chatty(client, number):
        if number == 0:
            time.sleep(0.1)
            client.sendall(b"hello?")
        client.recv(1)

    result = engine.run(order(serve(chatty), idle={"connections": 3}, timing=(0.01, 0.2, 0.05)))
    assert result.classes["idle"].connections.lost == 1


def test_words_nobody_asked_for_lose_a_kept_connection(engine, serve, order):
    """Bytes on a connection that waits for its next arrival: no request is charged with them."""

    def chatty(client, number):
        for turn in itertools.count():
            data = client.recv(65536)
            if not data:
                return
            client.sendall(data.upper())
            if turn == 3 and number == 0:
                time.sleep(0.004)
                client.sendall(b"and another thing")

    result = engine.run(order(serve(chatty), long={"connections": 1, "rate": 100.0}))
    measured = result.classes["long"]
    assert measured.connections.lost == 1
    assert measured.total.scheduled == 25


def test_the_run_goes_on_when_the_server_has_gone(engine, serve, order, check):
    """Each connection fails once; it cannot be opened again, and no request is made up for it."""
    server = serve(every_fifth(hang_up))
    made = order(server, long=LONG, timing=(0.05, 0.25, 0.05))
    engine.prepare(made)
    while server.accepted < 3:  # whoever is in the backlog yet would be reset
        time.sleep(0.01)
    server.listener.shutdown(socket.SHUT_RDWR)
    engine.say(go=made["trial"])
    engine.hear()
    result, deltas = engine.finish(made)
    check(result, deltas)
    measured = result.classes["long"]
    assert measured.total.failed == {"closed": 3}
    assert measured.connections.lost == 3
    assert measured.connections.held_at_end == 0
