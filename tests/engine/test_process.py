"""The process: what it is told, what it answers, how it ends."""

import signal
import socket
import time

import pytest

LONG = {"connections": 4}


def started(engine, made):
    assert engine.prepare(made)["event"] == "ready"
    engine.say(go=made["trial"])
    assert engine.hear()["event"] == "started"


def test_abort_closes_all_and_the_next_trial_is_clean(engine, serve, order):
    server = serve()
    made = order(server, trial="one", long=LONG, idle={"connections": 6}, timing=(0.1, 30, 0.1))
    started(engine, made)
    time.sleep(0.1)
    engine.say(abort="one")
    while (event := engine.hear())["event"] == "delta":
        pass
    assert event == {"event": "aborted", "trial": "one"}
    for _ in range(10):
        assert server.gone.acquire(timeout=10)
    result = engine.run(order(server, trial="two", long=LONG | {"rate": 200.0}))
    assert result.classes["long"].total.scheduled == 50


def test_abort_before_the_start_and_without_a_trial(engine, serve, order):
    made = order(serve(), long=LONG)
    engine.prepare(made)
    for _ in range(2):
        engine.say(abort=made["trial"])
        assert engine.hear() == {"event": "aborted", "trial": made["trial"]}
    engine.run(made)


@pytest.mark.parametrize("when", ["idle", "prepared", "running"])
def test_it_dies_with_its_parent(new_engine, serve, order, when):
    engine = new_engine()
    made = order(serve(), long=LONG, timing=(0.1, 30, 0.1))
    if when != "idle":
        engine.prepare(made)
    if when == "running":
        engine.say(go=made["trial"])
    engine.process.stdin.close()
    assert engine.process.wait(10) == 0


@pytest.mark.parametrize("running", [False, True])
def test_signals(new_engine, serve, order, running):
    engine = new_engine()
    made = order(serve(), long=LONG, timing=(0.1, 30, 0.1))
    engine.prepare(made)
    if running:
        engine.say(go=made["trial"])
    engine.process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    assert engine.process.poll() is None
    engine.process.send_signal(signal.SIGTERM)
    assert engine.process.wait(10) == 0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"protocol": "gopher"}, "gopher"),
        ({"classes": {"lazy": LONG}}, "lazy"),
        ({"classes": {"long": {"connections": 0}}}, "connections"),
        ({"classes": {"long": LONG | {"spacing": "odd"}}}, "odd"),
        ({"classes": {"long": LONG | {"colour": 1}}}, "colour"),
        ({"classes": {"long": {"connections": "four"}}}, "malformed"),
        ({"classes": {"long": LONG | {"path": "/bytes/5"}}}, "echo has no paths"),
        ({"protocol": "http", "classes": {"long": LONG | {"path": "/byte/5"}}}, "/bytes/5?"),
        ({"protocol": "http", "classes": {"long": LONG | {"path": 5}}}, "malformed"),
        ({"protocol": "http", "classes": {"long": LONG | {"payload": 0}}}, "payload"),
        ({"timing": {"warm_up": 1, "window": 0, "cool_down": 0}}, "window"),
        ({"timing": {"warm_up": 1}}, "window"),
        ({"share": [2, 2]}, "share"),
        ({"sead": 1}, "keys"),
        ({"target": ["no such host.invalid", 1]}, "gaierror"),
        ({"cpu": 4095}, "OSError"),
    ],
)
def test_a_bad_order_fails_in_one_line_and_the_next_is_obeyed(engine, serve, order, change, word):
    made = order(serve(), long=LONG, timing=(0.01, 0.02, 0.01))
    answer = engine.prepare(made | change)
    assert answer["event"] == "failed"
    assert answer["trial"] == made["trial"]
    assert word in answer["error"]
    assert "\n" not in answer["error"]
    engine.run(made)


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"stop": 1}', b"\xff", b'"go"'])
def test_a_bad_command(engine, line):
    engine.process.stdin.write(line + b"\n\n")
    engine.process.stdin.flush()
    assert engine.hear()["event"] == "failed"


def test_commands_out_of_turn_disturb_nothing(engine, serve, order):
    made = order(serve(), trial="mine", long=LONG | {"rate": 400.0})
    engine.say(go="mine")
    assert "no trial mine" in engine.hear()["error"]
    started(engine, made)
    engine.say(go="mine")
    engine.say(go="yours")
    engine.say(prepare=made | {"trial": "yours"})
    words = [engine.hear()["error"] for _ in range(3)]
    assert "begun already" in words[0]
    assert "no trial yours" in words[1]
    assert "still under way" in words[2]
    result, _ = engine.finish(made)
    assert result.classes["long"].total.scheduled == 100


def test_connecting_has_a_deadline(engine, order):
    """A full backlog: the kernel drops what comes, and connect() neither fails nor ends."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as full:
        address = type("Full", (), {"address": full.getsockname()})
        made = order(address, long={"connections": 12}) | {"deadline": 0.3}
        ready = engine.prepare(made)
    established, failed = ready["established"]["long"], ready["failed"]["long"]
    assert established + sum(failed.values()) == 12
    assert failed["timeout"] > 0
