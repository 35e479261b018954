"""An engine that is told to begin when the others have, and one that stands still meanwhile."""

import os
import signal
import time

import pytest

MS = 1_000_000


def prepared(engine, order, server, **timing):
    made = order(server, long={"connections": 2, "rate": 200}, **timing)
    assert engine.prepare(made)["event"] == "ready"
    return made


@pytest.mark.parametrize("late", [30, 5000])
def test_an_agreed_instant_that_has_passed_ends_the_trial(engine, serve, order, late):
    server = serve()
    made = prepared(engine, order, server)
    engine.say(go=made["trial"], start_ns=time.monotonic_ns() - late * MS)
    said = engine.hear()
    assert said["event"] == "failed"
    assert "after the agreed instant" in said["error"]
    engine.run(order(server, trial="the next", long={"connections": 1}))


def test_half_of_the_warm_up_may_be_missed(engine, serve, order):
    made = prepared(engine, order, serve(), timing=(1.0, 0.1, 0.0))
    engine.say(go=made["trial"], start_ns=time.monotonic_ns() - 200 * MS)
    assert engine.hear()["event"] == "started"
    result, _ = engine.finish(made)
    assert result.classes["long"].window.completed == 20


def test_an_engine_that_stands_still_says_for_how_long(engine, serve, order):
    made = prepared(engine, order, serve(), timing=(0.1, 0.5, 0.0))
    engine.say(go=made["trial"], start_ns=None)
    started = engine.hear()["window"][0]
    time.sleep(max(0, started + 50 * MS - time.monotonic_ns()) / 1e9)
    os.kill(engine.process.pid, signal.SIGSTOP)
    stopped = time.monotonic_ns()
    time.sleep(0.2)
    os.kill(engine.process.pid, signal.SIGCONT)
    stood = time.monotonic_ns() - stopped
    result, _ = engine.finish(made)
    assert 150 * MS < result.stalled_ns < stood + 100 * MS
