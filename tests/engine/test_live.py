"""A load by hand: it tells each second, counts all, ends when told, and keeps nothing."""

import array
import itertools
import time
from collections import Counter

import pytest

from loadtests.engine import arrivals
from loadtests.engine.endless import AHEAD, Endless
from loadtests.engine.histogram import Histogram
from loadtests.engine.loop import Loop
from loadtests.engine.order import LONGEST_LIVE

MINUTE = (0, 60.0, 0)
KINDS = ("response", "service", "lag")


def live(order, server, **classes):
    return order(server, timing=MINUTE, **classes) | {"live": True}


def hear_until_done(engine, wanted):
    """All that is told until the end: live events, deltas, result."""
    told, deltas = [], []
    while (event := engine.hear())["event"] != "done":
        assert event["event"] in ("live", "delta"), event
        (told if event["event"] == "live" else deltas).append(event)
    assert event["trial"] == wanted["trial"]
    return told, deltas, event["result"]


def start(engine, wanted):
    assert engine.prepare(wanted)["event"] == "ready"
    engine.say(go=wanted["trial"], start_ns=None)
    assert engine.hear()["event"] == "started"


def run(engine, wanted, seconds):
    """Start, wait for so many reports, finish."""
    start(engine, wanted)
    before = []
    while sum(event["event"] == "live" for event in before) < seconds:
        before.append(engine.hear())
    engine.say(finish=wanted["trial"])
    told, deltas, result = hear_until_done(engine, wanted)
    told = [event for event in before if event["event"] == "live"] + told
    return told, [event for event in before if event["event"] == "delta"] + deltas, result


@pytest.mark.parametrize(
    "classes",
    [
        pytest.param({"long": {"connections": 4}}, id="long closed"),
        pytest.param({"long": {"connections": 4, "rate": 300.0}}, id="long open"),
        pytest.param({"short": {"connections": 3}}, id="short closed"),
        pytest.param({"short": {"connections": 9, "rate": 200.0}}, id="short open"),
        pytest.param(
            {
                "long": {"connections": 4, "rate": 100.0},
                "short": {"connections": 4},
                "idle": {"connections": 7},
            },
            id="all",
        ),
    ],
)
def test_every_request_is_told_once(engine, serve, order, classes):
    told, deltas, result = run(engine, live(order, serve(), **classes), 1)
    assert [event["seq"] for event in told] == list(range(1, result["live"] + 1))
    edges = [event["window"] for event in told]
    assert all(a[1] == b[0] for a, b in itertools.pairwise(edges))
    handed = Counter()
    for delta in deltas:
        for name, part in delta["classes"].items():
            handed[name] += sum(part["counts"].values()) + sum(part["failed"].values())
    for name, asked in classes.items():
        mine = [event["classes"][name] for event in told]
        counts = Counter()
        for part in mine:
            failed = part["counts"].pop("failed")
            counts.update(part["counts"])
            counts["failed"] += sum(failed.values())
            for kind in KINDS:
                assert Histogram.from_json(part[kind]).count == part["counts"]["completed"]
        assert counts["scheduled"] == counts["completed"] + counts["failed"] == handed[name]
        assert mine[0]["connections"]["asked"] == asked["connections"]
        if name != "short":
            assert {part["connections"]["open"] for part in mine} == {asked["connections"]}
        assert (counts["completed"] > 0) == (name != "idle")
    assert sum(handed.values()) == result["delta_requests"]
    last = [mark for event in told for mark in event["marks"]][-1]
    assert last[1] == sum(
        Histogram.from_json(event["classes"][name]["response"]).count
        for event in told
        for name in classes
    )


def test_arrivals_keep_to_their_rate_beyond_those_drawn_at_first(engine, serve, order):
    rate = 2.0 * AHEAD
    told, _, _ = run(engine, live(order, serve(), long={"connections": 40, "rate": rate}), 2)
    scheduled = sum(event["classes"]["long"]["counts"]["scheduled"] for event in told)
    lasted = (told[-1]["window"][1] - told[0]["window"][0]) / 1e9
    assert rate * 2 <= scheduled + 1
    assert scheduled <= rate * lasted + 1


def test_it_ends_soon_when_told_though_replies_are_owed(engine, serve, order):
    def silent(client, number):
        client.recv(65536)
        client.recv(65536)  # until it goes

    wanted = live(order, serve(silent), long={"connections": 3})
    start(engine, wanted)
    begun = time.monotonic()
    engine.say(finish=wanted["trial"])
    told, _, _ = hear_until_done(engine, wanted)
    assert time.monotonic() - begun < 1.5
    assert Counter(told[-1]["classes"]["long"]["counts"]["failed"]) == {"timeout": 3}


def test_failures_are_told_once_and_forgotten(engine, serve, order):
    def hangs_up(client, number):
        client.recv(65536)

    server = serve(hangs_up)
    told, deltas, result = run(engine, live(order, server, short={"connections": 2}), 2)
    failed = [sum(event["classes"]["short"]["counts"]["failed"].values()) for event in told]
    assert all(failed[:2])
    in_deltas = sum(sum(delta["classes"]["short"]["failed"].values()) for delta in deltas)
    assert sum(failed) == in_deltas == result["delta_requests"]
    assert abs(sum(failed) - server.accepted) <= 2  # those that the end has caught on their way


def test_the_next_one_starts_and_a_trial_after_it(engine, serve, order):
    server = serve()
    for _ in range(2):
        told, _, _ = run(engine, live(order, server, long={"connections": 2}), 1)
        assert told[0]["classes"]["long"]["counts"]["completed"] > 0
    engine.run(order(server, long={"connections": 2}))


def test_a_trial_that_is_told_to_finish_keeps_its_length(engine, serve, order):
    wanted = order(serve(), long={"connections": 2})
    engine.prepare(wanted)
    engine.say(finish=wanted["trial"])
    engine.say(go=wanted["trial"], start_ns=None)
    assert engine.hear()["event"] == "started"
    result, _ = engine.finish(wanted)
    assert result.crossed[1] >= result.window[1] > result.window[0]


@pytest.mark.parametrize("timing", [(0, LONGEST_LIVE + 1, 0), (0.1, 60, 0), (0, 60, 0.1)])
def test_it_has_an_end_and_no_phases(engine, serve, order, timing):
    said = engine.prepare(order(serve(), timing=timing, long={"connections": 1}) | {"live": True})
    assert said["event"] == "failed"
    assert "live has a window" in said["error"]


@pytest.mark.parametrize("spacing", ["constant", "poisson"])
def test_a_stream_is_the_plan_without_an_end(spacing):
    second = 1_000_000_000
    whole = arrivals.plan(spacing, 500.0, second, "seed")
    for index in range(3):
        mine = arrivals.deal(whole, index, 3)
        stream = arrivals.stream(spacing, 500.0, "seed", index, 3)
        assert array.array("q", itertools.islice(stream, len(mine))) == mine


class Slow:
    """A link that is never free again."""

    def begin(self, intended):
        return time.monotonic_ns()


def test_what_was_never_due_is_not_unsent():
    loop = Loop()
    try:
        pacer = Endless(loop, itertools.count(0, 10**9 * 3600))
        pacer.idle.append(Slow())
        now = time.monotonic_ns()
        pacer.start(now - 2 * 3600 * 10**9)  # three are due: one is sent, two wait
        pacer.ring(now)
        assert pacer.due == 3
        assert len(pacer.stop()) == 2
        assert pacer.due == 3
    finally:
        loop.close()
