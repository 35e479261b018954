"""Each executor in the engine: who asks when, and that every request has one fate."""

import itertools
from statistics import mean

import pytest

from loadtests.engine import order, pacing, staged
from loadtests.engine.arrivals import split, thinks
from loadtests.engine.course import crowd
from loadtests.engine.executors import pacer
from loadtests.engine.pacing import Closed, Open
from loadtests.engine.ramping import Ramping
from loadtests.engine.timer import NEVER

MS = 1_000_000
VUS = {"connections": 8}
THINKING = VUS | {"think_s": 0.002, "spread": "exponential"}
UP = {"start": 1, "stages": [[0.1, 8], [0.05, 8], [0.05, 2]]}
FLOOD = {"rate": 2000.0, "start": 200, "stages": [[0.1, 2000], [0, 400]]}


class FakeLoop:
    """A loop whose clock stands still between two dues."""

    def __init__(self, monkeypatch):
        self.now = 0
        monkeypatch.setattr(pacing, "now_ns", lambda: self.now)

    def alarm(self, action):
        self.rings = type("Alarm", (), {"action": staticmethod(action), "due": NEVER})()
        return self.rings

    def set(self, alarm, due):
        alarm.due = due

    def run(self, until):
        while self.rings.due <= until:
            self.now, self.rings.due = max(self.now, self.rings.due), NEVER
            self.rings.action(self.now)
        self.now = until


class Link:
    """Notes when it was to ask; answered at once, or when it is told to."""

    def __init__(self, number, loop, asked, instant):
        self.number, self.loop, self.asked, self.instant = number, loop, asked, instant
        self.busy = False

    def begin(self, intended):
        assert not self.busy
        self.busy = True
        self.asked.append((intended, self.number))
        if self.instant:
            self.pacer.later(self.loop.now + self.instant, self.answer)
        return self.loop.now

    def answer(self, due):
        self.busy = False
        self.pacer.free(self, due)


@pytest.fixture
def play(monkeypatch):
    """play(load, seconds, …) → [(intended, number)] of a server that answers after `takes` ns."""

    def make(fields, seconds, takes=MS, index=0, of=1, name="long"):
        loop = FakeLoop(monkeypatch)
        load = order.load(name, fields)
        timing = {"warm_up": 0.0, "window": max(1.0, seconds), "cool_down": 0.0}
        whole = order.parse(
            {
                "trial": "t",
                "target": ["127.0.0.1", 1],
                "protocol": "echo",
                "classes": {name: fields},
                "seed": 1,
                "timing": timing,
                "share": [index, of],
            }
        )
        made, asked = pacer(name, load, whole, loop), []
        links = [Link(n, loop, asked, takes) for n in range(whole.share(load.connections))]
        made.meet(links)
        for link in reversed(links):  # the order in which they connect is nobody's business
            link.pacer = made
            made.free(link, 0)
        made.start(0)
        loop.run(round(seconds * 1000) * MS)
        play.pacer, play.links, play.loop = made, links, loop
        return asked

    play = make
    return make


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        pytest.param(VUS, Closed, id="constant-vus"),
        pytest.param(THINKING, Closed, id="constant-vus, exponential"),
        pytest.param(VUS | UP, Ramping, id="ramping-vus"),
        pytest.param(VUS | {"rate": 10.0}, Open, id="constant-arrival-rate"),
        pytest.param(VUS | FLOOD, Open, id="ramping-arrival-rate"),
    ],
)
def test_each_executor_has_its_pacer(play, fields, kind):
    play(fields, 0.2)
    assert type(play.pacer) is kind


def test_a_crowd_asks_as_long_as_it_is_active(play):
    """1 of 8 at the start, 8 at 100 ms, 2 at 200 ms: the lowest numbers first in and last out."""
    asked = play(VUS | UP, 0.25)
    steps = list(crowd(UP["start"], UP["stages"]))
    for intended, number in asked:
        active = [now for at, now in steps if at <= intended][-1]
        assert number < active
    for number, (at, _) in enumerate(steps[:8]):
        assert min(when for when, who in asked if who == number) == at
    for number in (0, 1):
        assert max(when for when, who in asked if who == number) >= 249 * MS


def test_who_is_to_end_has_the_reply_first_and_who_is_back_goes_on(play):
    """Connection 1 is away from 10 ms on, and back at 14 ms; its reply takes until 20 ms."""
    away = {"connections": 2, "start": 2, "stages": [[0.010, 2], [0, 1], [0.004, 1], [0, 2]]}
    asked = play(away, 0.05, takes=20 * MS)
    assert [when for when, who in asked if who == 1] == [0, 20 * MS, 40 * MS]
    away["stages"][-2] = [0.014, 1]  # back at 24 ms, long after its reply
    asked = play(away, 0.05, takes=20 * MS)
    assert [when for when, who in asked if who == 1] == [0, 24 * MS, 44 * MS]


def test_who_thinks_when_its_time_is_over_does_not_ask(play):
    away = {"connections": 2, "start": 2, "stages": [[0.009, 2], [0, 1]], "think_s": 0.02}
    asked = play(away, 0.1)
    assert [who for _, who in asked if who == 1] == []  # spread over the think time: due at 10 ms
    assert len([who for _, who in asked if who == 0]) == 5


def test_a_crowd_that_comes_at_once_is_spread_over_its_think_time(play):
    jump = {"connections": 4, "stages": [[0.1, 0], [0, 4]], "think_s": 0.02}
    asked = play(jump, 0.119)
    assert asked == [((100 + 5 * number) * MS, number) for number in range(4)]


def test_engines_share_a_crowd_exactly(play):
    steps = list(crowd(UP["start"], UP["stages"]))
    first = [min(at for at, _ in play(VUS | UP, 0.25, index=i, of=3)) for i in range(3)]
    assert first == [steps[i][0] for i in range(3)]
    for index in range(3):
        asked = play(VUS | UP, 0.25, index=index, of=3)
        for at, active in steps:
            mine = {who for when, who in asked if at <= when < at + MS}
            assert len(mine) <= split(active, index, 3)


def test_think_times_do_not_depend_on_the_replies(play):
    """The k-th pause of connection n is the same draw behind a fast server and a slow one."""

    def pauses(takes):
        asked = sorted(play(THINKING, 1.0, takes), key=lambda entry: entry[1])
        for _, mine in itertools.groupby(asked, key=lambda entry: entry[1]):
            times = [when for when, _ in mine]
            yield [
                times[0],
                *(b - a - takes for a, b in itertools.pairwise(times)),
            ]

    for fast, slow in zip(pauses(MS), pauses(5 * MS), strict=True):
        assert len(fast) > len(slow) > 50
        assert fast[: len(slow)] == slow


def test_think_times_are_those_of_the_connections_number_in_the_trial(play):
    for index in range(2):
        asked = play(THINKING, 0.2, index=index, of=2)
        for number in range(4):
            first = next(thinks(2 * MS, f"1/long/think/{index + 2 * number}"))
            assert min(when for when, who in asked if who == number) == first


def test_think_times_have_the_asked_mean_and_an_exponential_spread():
    drawn = list(itertools.islice(thinks(MS, "a seed"), 20_000))
    assert mean(drawn) == pytest.approx(MS, rel=0.03)
    assert mean(pause > MS for pause in drawn) == pytest.approx(0.3679, abs=0.02)
    assert mean((pause / MS) ** 2 for pause in drawn) == pytest.approx(2, rel=0.06)


def test_what_was_parked_is_begun_no_more_after_the_stop(play):
    asked = play(VUS | UP | {"think_s": 0.01}, 0.15)
    before = len(asked)
    assert play.pacer.stop() == []
    play.loop.run(400 * MS)
    assert len(asked) == before


def test_a_link_that_is_lost_is_asked_no_more(play):
    asked = play(VUS | {"start": 0, "stages": [[0.1, 0], [0, 8]]}, 0.05)
    assert asked == []
    play.pacer.drop(play.links[3])
    play.loop.run(110 * MS)
    assert {who for _, who in asked} == {0, 1, 2, 4, 5, 6, 7}
    play.pacer.free(play.links[3], 110 * MS)  # it is back
    assert asked[-1] == (110 * MS, 3)


CLASSES = {
    "constant-vus": VUS | {"think_s": 0.004},
    "constant-vus, exponential": THINKING,
    "ramping-vus": VUS | UP,
    "ramping-vus, exponential": THINKING | UP,
    "constant-arrival-rate": VUS | {"rate": 900.0},
    "constant-arrival-rate, poisson": VUS | {"rate": 900.0, "spacing": "poisson"},
    "ramping-arrival-rate": VUS | FLOOD,
    "ramping-arrival-rate, poisson": VUS | FLOOD | {"spacing": "poisson"},
}


@pytest.mark.parametrize("name", ["long", "short"])
@pytest.mark.parametrize("executor", CLASSES)
def test_every_request_has_one_fate(engine, serve, order, name, executor):
    """Scheduled = completed + failed, `unsent` among them, for each executor (see conserve)."""
    said = {"executor": executor.split(",")[0]}
    result = engine.run(order(serve(), **{name: CLASSES[executor] | said}))
    found = result.classes[name]
    assert found.total.completed > 0
    assert found.total.scheduled == found.total.completed + sum(found.total.failed.values())
    assert not found.total.failed.keys() - {"unsent"}


@pytest.mark.parametrize("executor", ["constant-arrival-rate", "ramping-arrival-rate, poisson"])
def test_what_finds_no_free_connection_is_late_and_then_unsent(engine, serve, order, executor):
    """Of one connection and a server that never answers a second time, nothing is forgotten."""

    def once(client, number):
        client.sendall(client.recv(65536).upper())
        while client.recv(65536):
            pass

    result = engine.run(order(serve(once), long=CLASSES[executor] | {"connections": 1}))
    total = result.classes["long"].total
    assert total.completed == 1
    assert total.failed["timeout"] == 1
    assert total.scheduled == 2 + total.failed["unsent"] > 100


def test_a_ramps_requests_are_counted_where_they_are_due(engine, serve, order):
    """0 to 2000/s in 200 ms, and held: 12.5 are due before the window, 200 up to its end."""
    load = {"connections": 40, "rate": 2000.0, "stages": [[0.2, 2000]]}
    found = engine.run(order(serve(), long=load)).classes["long"]
    assert found.total.scheduled == 300
    assert found.window.scheduled == 200 - 13


def test_connections_of_a_crowd_are_held_before_and_after_they_ask(engine, serve, order):
    load = VUS | {"stages": [[0.2, 0], [0, 8]]}
    found = engine.run(order(serve(), long=load))
    assert engine.ready["established"] == {"long": 8}
    census = found.classes["long"].connections
    assert census.held_at_start == census.held_at_end == 8
    assert found.classes["long"].window.completed == 0
    assert found.classes["long"].total.completed > 0


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (VUS | {"spread": "exponential"}, "spread is of a think time"),
        (VUS | {"rate": 9.0, "spread": "exponential"}, "spread is of a think time"),
        (VUS | {"spread": "normal"}, 'no spread "normal"'),
        (VUS | {"executor": "constant-arrival-rate"}, "but this is constant-vus"),
        (VUS | UP | {"executor": "constant-vus"}, "but this is ramping-vus"),
        (VUS | {"executor": "per-vu-iterations"}, "but this is constant-vus"),
        (VUS | {"start": 3}, "start needs stages"),
        (VUS | {"stages": [[0.1, -1]]}, "0 or more"),
        (VUS | {"stages": [[-0.1, 1]]}, "0 or more"),
        (VUS | {"stages": [[0.1, 1.5]]}, "whole numbers"),
        (VUS | {"stages": [[0.1, 9]]}, "connections is 8, but the stages reach 9"),
        (VUS | {"stages": [[0.1, 7]]}, "connections is 8, but the stages reach 7"),
        (VUS | {"rate": 10.0, "stages": [[0.1, 9]]}, "rate is 10.0, but the stages reach 9"),
        (VUS | {"stages": [[0.3, 8]]}, "stages of 0.3 s in a trial of 0.25 s"),
        (VUS | {"stages": [[0.3]]}, "not enough values"),
        (VUS | {"stages": 3}, "malformed order"),
    ],
)
def test_loads_that_contradict_themselves(engine, order, closed_port, fields, told):
    answer = engine.prepare(order(closed_port, long=fields))
    assert answer["event"] == "failed"
    assert told in answer["error"]


def test_a_load_by_hand_has_no_stages(engine, order, closed_port):
    made = order(closed_port, long=VUS | UP, timing=(0, 1, 0)) | {"live": True}
    assert "a load by hand has no stages" in engine.prepare(made)["error"]


def test_idle_connections_have_no_executor(engine, order, closed_port):
    wrong = order(closed_port, long=VUS, idle=VUS | UP)
    assert "executor and stages are of long and short" in engine.prepare(wrong)["error"]


def test_executors_are_known_by_their_names():
    for name, fields in CLASSES.items():
        assert staged.executor(order.load("long", fields)) == name.split(",")[0]
