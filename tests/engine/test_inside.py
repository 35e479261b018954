"""Parts of the engine that a trial of a quarter of a second does not reach, in this process."""

import os
import socket
from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.record import ClassResult, EngineResult
from loadtests.engine import clients, compiled, sources, trial
from loadtests.engine.clients import Client
from loadtests.engine.ledger import Failure, Ledger, Tally, shorten
from loadtests.engine.order import parse
from loadtests.engine.report import Facts, Fold, Marks, class_result
from loadtests.engine.timer import NEVER, Timer

calm = settings(derandomize=True, deadline=None)
FACTS = Facts(request_bytes=10, reply_bytes=20, schedule=None, connections={})


def run(order):
    """A whole trial in this process; returns its events."""
    events = []
    new_loop = compiled.choose(os.environ["LAB_ENGINE_CORE"])
    running = trial.Trial(parse(order), events.append, new_loop=new_loop)
    wake = running.loop.alarm(lambda now: running.loop.stop())
    running.prepare()
    while not running.is_ready:
        running.loop.set(wake, 1)
        running.loop.run()
    running.go(None)
    running.loop.run()
    assert running.finished
    running.settle()
    assert running.loop.epoll.closed
    assert all(link.fd < 0 for group in running.groups for link in group.links)
    return events


def test_folding_early_changes_nothing(monkeypatch, serve, order, check):
    monkeypatch.setattr(trial, "FOLD_AT", 50)
    made = order(serve(), long={"connections": 4}, short={"connections": 2, "rate": 300.0})
    *_, done = events = run(made)
    result = check_done(done, events, check)
    assert result.classes["long"].total.completed > 100


def check_done(done, events, check):
    assert done["event"] == "done"
    result = EngineResult.model_validate(done["result"])
    deltas = [
        {**event, "classes": {name: dict(each) for name, each in event["classes"].items()}}
        for event in events
        if event["event"] == "delta"
    ]
    check(result, deltas)
    return result


def greeting(seed, size, path):
    """A protocol in which the client says hello first, and is welcomed in so many bytes."""

    def welcome(got):
        if not b"welcome".startswith(got):
            raise ValueError("rude")
        return got == b"welcome"

    return Client(clients.echo_client(seed, size, path).exchanges, b"hello", welcome)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ([b"welcome"], ""),
        ([b"wel", b"come"], ""),
        ([b"go away"], "wrong"),
        ([b"wel", None], "closed"),
        ([None], "closed"),
    ],
)
def test_hello_and_welcome(monkeypatch, serve, order, check, words, kind):
    monkeypatch.setitem(clients.CLIENTS, "greeting", greeting)

    def polite(client, number):
        assert client.recv(5) == b"hello"
        for word in words:
            if word is None:
                return
            client.sendall(word)
        while data := client.recv(65536):
            client.sendall(data.upper())

    load = {"long": {"connections": 2}, "idle": {"connections": 2}}
    events = run(order(serve(polite), **load) | {"protocol": "greeting"})
    expected = {kind: 2} if kind else {}
    assert events[0]["failed"] == {"long": expected, "idle": expected}
    result = check_done(events[-1], events, check)
    assert result.classes["idle"].connections.held_at_end == (0 if kind else 2)
    assert bool(result.classes["long"].total.completed) is not bool(kind)


def ledger(rows, paced=True):
    """rows: (done, response, service)."""
    made = Ledger(paced)
    for done, response, service in rows:
        made.add(done, done - response, done - service, done)
    return made


def test_the_window_is_half_open_and_exact():
    rows = [(99, 9, 5), (100, 9, 5), (150, 20, 20), (199, 150, 10), (200, 30, 20), (250, 40, 10)]
    measured = ledger(rows)
    measured.failures += [
        Failure(at=120, kind="wrong", intended=90, sent=95, received=3),
        Failure(at=260, kind="timeout", intended=110, sent=115, received=0),
        Failure(at=260, kind="unsent", intended=199, sent=0, received=0),
        Failure(at=260, kind="unsent", intended=200, sent=0, received=0),
    ]
    folded = Fold((100, 200))
    folded.take(measured)
    result = ClassResult.model_validate(class_result(folded, measured, FACTS))
    window, total = result.window, result.total
    assert window.completed == 3
    assert window.sent == 4  # at 130, 189, 180; and the one that timed out
    assert window.scheduled == 4  # at 130, 170; timeout, one unsent
    assert window.failed == {"wrong": 1, "timeout": 1, "unsent": 1}
    assert (window.response.sum, window.service.sum, window.lag.sum) == (179, 35, 144)
    assert (total.scheduled, total.sent, total.completed) == (10, 8, 6)
    assert total.failed == {"wrong": 1, "timeout": 1, "unsent": 2}
    assert (total.bytes_sent, total.bytes_received) == (80, 123)


stamped = st.lists(st.tuples(st.integers(1, 300), st.integers(0, 50), st.integers(0, 50)))


@calm
@given(stamped, st.integers(0, 300), st.booleans())
def test_folding_in_two_parts_is_folding_once(rows, cut, paced):
    rows = sorted((at, service + more * paced, service) for at, service, more in rows)
    once, twice = Fold((100, 200)), Fold((100, 200))
    whole = ledger(rows, paced)
    once.take(whole)
    parts = ledger([row for row in rows if row[0] <= cut], paced)
    twice.take(parts)
    for done, response, service in rows:
        if done > cut:
            parts.add(done, done - response, done - service, done)
    twice.take(parts)
    assert class_result(once, whole, FACTS) == class_result(twice, parts, FACTS)
    assert whole.completed == parts.completed == len(rows)


@calm
@given(st.lists(st.integers(1, 40_000_000), max_size=50))
def test_marks_tell_how_many_were_done(stamps):
    begun = 5
    made = ledger([(begun + at, 0, 0) for at in sorted(stamps)], paced=False)
    marks = Marks(begun)
    marks.take([made], begun + 41_000_000)
    assert marks.found[0] == (begun, 0)
    for at, total in marks.found:
        assert (at - begun) % 1_000_000 == 0
        assert total == sum(begun + stamp <= at for stamp in stamps)
    assert marks.found[-1][1] == len(stamps)
    for (at, total), (later, more) in pairwise(marks.found):
        assert at < later
        assert total == more or later - at == 1_000_000


@pytest.mark.parametrize(
    ("microseconds", "short"),
    [
        (0, 0),
        (7, 7),
        (999, 999),
        (1000, 1000),
        (1004, 1000),
        (1005, 1010),
        (9996, 10_000),
        (123_456, 123_000),
        (999_499, 999_000),
        (999_500, 1_000_000),
    ],
)
def test_three_significant_digits(microseconds, short):
    assert shorten([(microseconds, 2)]) == {short: 2}


def test_deltas_add_up_over_an_early_fold():
    made = ledger([(1_000_000, 2000, 1000), (2_000_000, 3000, 1000)])
    tally = Tally(made, reply_bytes=5)
    tally.read()
    Fold((0, 1)).take(made)
    made.add(3_000_000, 2_996_000, 2_999_000, 3_000_000)
    made.failures.append(Failure(3_500_000, "short", 1, 1, 3))
    assert tally.take() == {
        "counts": {2: 1, 3: 1, 4: 1},
        "failed": {"short": 1},
        "bytes_received": 18,
    }
    assert tally.take() is None
    assert tally.requests == 4


def test_the_timer_says_when_the_kernel_refuses():
    timer = Timer()
    timer.set(NEVER)
    timer.close()
    with pytest.raises(OSError, match="timerfd_settime"):
        timer.set(1)


def test_a_schedule_is_counted_by_its_intended_starts():
    facts = Facts(1, 1, array("q", [50, 100, 150, 200]), {})
    result = class_result(Fold((100, 200)), Ledger(paced=True), facts)
    assert (result["total"]["scheduled"], result["window"]["scheduled"]) == (4, 2)


def test_idle_connections_have_source_addresses_of_their_own(monkeypatch, serve, order):
    monkeypatch.setattr(sources, "FROM_ONE", 2)
    peers = []

    def note(client, number):
        peers.append(client.getpeername()[0])
        client.recv(1)

    run(order(serve(note), idle={"connections": 5}, share=[1, 2], timing=(0.01, 0.1, 0.01)))
    assert sorted(peers) == ["127.0.2.33", "127.0.2.33"]
    run(order(serve(note), idle={"connections": 5}, timing=(0.01, 0.1, 0.01)))
    assert sorted(peers[2:]) == [*["127.0.1.33"] * 2, *["127.0.1.34"] * 2, "127.0.1.35"]


def test_a_connect_that_fails_at_once(serve, order, check, monkeypatch):
    """To a broadcast address the kernel refuses without a packet; brief links take it easy."""
    made = order(serve(), long={"connections": 2}, short={"connections": 2})
    broadcast = (socket.AF_INET, ("255.255.255.255", 9))  # no target that the rules would let pass
    monkeypatch.setattr(trial, "locate", lambda *_: broadcast)
    *_, done = events = run(made)
    result = check_done(done, events, check)
    assert events[0]["failed"] == {"long": {"refused": 2}}
    assert set(result.classes["short"].total.failed) == {"refused"}
    assert 0 < result.classes["short"].total.scheduled <= 600


@calm
@given(
    st.lists(st.tuples(st.integers(1, 300), st.sampled_from([0, 0, -7, 5, 1000]))),
    st.integers(0, 300),
)
def test_replies_of_another_size_are_counted_where_they_were_done(rows, cut):
    """However the ledger is folded: the window's bytes are those of the replies in it."""
    rows = sorted(rows)
    made, folded = Ledger(paced=False), Fold((100, 200))
    tally, told = Tally(made, reply_bytes=20), 0
    for part in ([row for row in rows if row[0] <= cut], [row for row in rows if row[0] > cut]):
        for done, by in part:
            made.resize(by)
            made.add(done, done, done, done)
        told += (tally.take() or {"bytes_received": 0})["bytes_received"]
        folded.take(made)
    result = class_result(folded, made, FACTS)
    inside = [by for done, by in rows if 100 <= done < 200]
    assert result["window"]["bytes_received"] == 20 * len(inside) + sum(inside)
    assert result["total"]["bytes_received"] == 20 * len(rows) + sum(by for _, by in rows) == told
