"""Trials against a right server: each class and workload, alone and together, and the census."""

import threading
import time

import pytest

LONG = {"connections": 4}
SHORT = {"connections": 4}
OPEN = {"connections": 40, "rate": 400.0}  # plenty, so that a busy machine leaves none unsent
MILLISECOND = 1_000_000


@pytest.mark.parametrize(
    "classes",
    [
        pytest.param({"long": LONG}, id="long closed"),
        pytest.param({"long": LONG | {"think_s": 0.01}}, id="long closed, thinking"),
        pytest.param({"long": OPEN}, id="long open"),
        pytest.param({"long": OPEN | {"spacing": "poisson"}}, id="long poisson"),
        pytest.param({"long": LONG | {"payload": 1}}, id="one byte"),
        pytest.param({"short": SHORT}, id="short closed"),
        pytest.param({"short": SHORT | {"think_s": 0.01}}, id="short closed, thinking"),
        pytest.param({"short": OPEN}, id="short open"),
        pytest.param({"long": LONG, "short": SHORT, "idle": {"connections": 20}}, id="all"),
    ],
)
def test_all_is_well(engine, serve, order, classes):
    result = engine.run(order(serve(), **classes))
    assert set(result.classes) == set(classes)
    for name, measured in result.classes.items():
        asked = classes[name]["connections"]
        assert measured.connections.asked == asked
        assert measured.connections.lost == 0
        assert not measured.total.failed
        if name == "idle":
            assert measured.total.sent == 0
        else:
            assert measured.window.completed > 0
            size = classes[name].get("payload", 64)
            assert measured.total.bytes_sent == size * measured.total.sent
            assert measured.total.bytes_received == size * measured.total.completed
        if name == "short":
            assert measured.connections.established == measured.total.completed
            assert measured.window.connect.count > 0
        else:
            assert engine.ready["established"][name] == asked
            assert not engine.ready["failed"][name]
            assert measured.connections.established == asked
            assert measured.connections.held_at_start == asked
            assert measured.connections.held_at_end == asked


def test_open_arrivals_are_scheduled_to_the_request(engine, serve, order):
    result = engine.run(order(serve(), long=LONG | {"rate": 400.0}))
    measured = result.classes["long"]
    assert measured.total.scheduled == 100
    assert measured.window.scheduled == 60


def test_in_flight_is_sampled_and_closed_users_are_always_in_flight(engine, serve, order):
    result = engine.run(order(serve(), long=LONG))
    assert len(result.in_flight) == 15
    assert set(result.in_flight) == {4} == set(result.in_flight_at_edges)
    assert result.cpu_ns > 0
    assert result.events >= result.classes["long"].window.completed / 4


def test_replies_on_the_way_are_awaited(engine, serve, order):
    def slow(client, number):
        while data := client.recv(65536):
            time.sleep(0.1)
            client.sendall(data.upper())

    result = engine.run(order(serve(slow), long=LONG, timing=(0.01, 0.03, 0.01)))
    assert result.classes["long"].total.completed == 4
    assert result.classes["long"].window.completed == 0
    assert result.in_flight_at_edges == (4, 4)


def test_large_payloads_come_and_go_in_pieces(engine, serve, order):
    size = 3_000_000
    result = engine.run(order(serve(), long={"connections": 2, "payload": size}))
    measured = result.classes["long"]
    assert measured.total.completed > 2
    assert measured.total.bytes_received == size * measured.total.completed
    assert not measured.total.failed
    assert measured.window.first_byte.sum < measured.window.service.sum


def test_a_reply_in_pieces_has_a_first_byte_of_its_own(engine, serve, order):
    def dribble(client, number):
        while data := client.recv(65536):
            for at in range(len(data)):
                client.sendall(data[at : at + 1].upper())
                time.sleep(0.002)

    result = engine.run(order(serve(dribble), long={"connections": 2, "payload": 5}))
    window = result.classes["long"].window
    assert window.completed > 2
    assert not result.classes["long"].total.failed
    assert window.service.min - window.first_byte.min > 4 * MILLISECOND


def test_a_stall_counts_from_the_intended_start(engine, serve, order):
    """400/s over two connections, the server away for 100 of 200 ms: 40 arrivals meet the stall.

    A recorder that starts its watch when a request is sent would see two slow ones.
    """
    turn = threading.Lock()
    seen = []

    def stall_once(client, number):
        while data := client.recv(65536):
            with turn:
                seen.append(data)
                if len(seen) == 20:
                    time.sleep(0.1)
            client.sendall(data.upper())

    load = {"connections": 2, "rate": 400.0}
    result = engine.run(order(serve(stall_once), long=load, timing=(0.01, 0.3, 0.05)))
    window = result.classes["long"].window

    def slower(histogram, limit):
        return sum(times for index, times in histogram.buckets if index > limit)

    index = 14 * 1024 + (25 * MILLISECOND >> 14)  # bucket of 25 ms
    assert window.response.max > 90 * MILLISECOND
    assert slower(window.response, index) >= 20
    assert slower(window.service, index) < slower(window.response, index) / 2


def test_two_trials_in_one_process(engine, serve, order):
    server = serve()
    first = engine.run(order(server, trial="one", long=LONG, idle={"connections": 5}))
    second = engine.run(order(server, trial="two", short=SHORT | {"rate": 200.0}))
    third = engine.run(order(server, trial="three", long=LONG | {"rate": 200.0}))
    assert [run.trial for run in (first, second, third)] == ["one", "two", "three"]
    assert second.classes["short"].total.scheduled == 50
    assert third.classes["long"].total.scheduled == 50
    assert set(third.classes) == {"long"}


def test_nobody_hangs_up_while_others_count(engine, serve, order):
    server = serve()
    held = order(server, long=LONG, idle={"connections": 5}) | {"hold": 30.0}
    engine.prepare(held)
    engine.say(go=held["trial"], start_ns=None)
    end = engine.hear()["window"][1] + 50 * MILLISECOND  # the cool-down
    assert not server.gone.acquire(timeout=(end - time.monotonic_ns()) / 1e9 + 0.3)
    engine.say(finish=held["trial"])
    server.wait_until_gone(9)
    result, _ = engine.finish(held)
    assert not result.classes["long"].total.failed


def test_a_hold_ends_by_itself(engine, serve, order):
    engine.run(order(serve(), long=LONG) | {"hold": 0.2})


def test_a_start_agreed_upon(engine, serve, order):
    made = order(serve(), long=LONG)
    engine.prepare(made)
    agreed = time.monotonic_ns() + 300 * MILLISECOND
    engine.say(go=made["trial"], start_ns=agreed)
    window = engine.hear()["window"]
    result, _ = engine.finish(made)
    assert window == [agreed + 50 * MILLISECOND, agreed + 200 * MILLISECOND]
    assert result.marks[0] == (agreed, 0)
    assert result.marks[1][0] > agreed


def test_same_seed_same_requests(engine, serve, order):
    def remembering(heard):
        def behave(client, number):
            while data := client.recv(65536):
                heard.append(data)
                client.sendall(data.upper())

        return behave

    runs = []
    for seed in (1, 1, 2):
        heard = []
        engine.run(order(serve(remembering(heard)), seed=seed, long={"connections": 1}))
        runs.append(heard[:40])
    assert runs[0] == runs[1] != runs[2]
    assert len(set(runs[0])) > 1
    assert all(data.islower() and len(data) == 64 for data in runs[0])


def test_shares_add_up(new_engine, serve, order):
    server = serve()
    load = {"long": {"connections": 5, "rate": 333.0}, "idle": {"connections": 7}}
    asked, scheduled = {"long": 0, "idle": 0}, 0
    for index in range(3):
        result = new_engine().run(order(server, share=[index, 3], **load))
        for name, measured in result.classes.items():
            asked[name] += measured.connections.established
        scheduled += result.classes["long"].total.scheduled
    assert asked == {"long": 5, "idle": 7}
    assert scheduled == 84  # 333/s in 250 ms, the first at 0


def test_an_engine_without_connections_gets_no_arrivals(engine, serve, order):
    load = {"connections": 1, "rate": 200.0}
    spare = engine.run(order(serve(), long=load, share=[1, 2])).classes["long"].total
    busy = engine.run(order(serve(), long=load, share=[0, 2])).classes["long"].total
    assert (spare.scheduled, busy.scheduled) == (0, 50)


def test_a_longer_trial_hands_over_as_it_goes(engine, serve, order):
    made = order(serve(), long=LONG | {"rate": 100.0}, timing=(0.1, 1.5, 0.1))
    result = engine.run(made)
    assert 2 <= result.deltas <= 4
    assert result.delta_requests == 170


def test_many_idle_connections(engine, serve, order):
    result = engine.run(order(serve(), idle={"connections": 400}))
    assert result.classes["idle"].connections.held_at_end == 400
