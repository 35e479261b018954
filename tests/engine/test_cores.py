"""What the two cores share with dicts and deques, and what is promised of the compiled one."""

import os
import signal
import socket
import sys
import threading
import time
from array import array
from collections import Counter, deque
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.record import EngineResult
from loadtests.engine import compiled, ledger
from loadtests.engine.ledger import Ledger

fast = compiled.fast
calm = settings(derandomize=True, deadline=None)
MILLISECOND = 1_000_000
needs_built = pytest.mark.skipif(
    compiled.fast is None and not os.environ.get("CI"), reason="not built: make setup"
)


@pytest.fixture
def loop(core):
    made = compiled.choose(core)()
    yield made
    made.close()


def test_the_core_is_chosen_by_name(monkeypatch):
    assert compiled.choose("python").core == "python"
    with pytest.raises(ValueError, match='one of auto, python, compiled, not "c"'):
        compiled.choose("c")
    monkeypatch.setattr(compiled, "fast", None)
    assert compiled.choose("auto").core == "python"
    with pytest.raises(ValueError, match="make setup"):
        compiled.choose("compiled")


def test_an_alarm_is_never_early_and_may_set_itself_again(loop):
    rung = []

    def again(now):
        rung.append((now, due[len(rung)]))
        if len(rung) == len(due):
            loop.stop()
        else:
            loop.set(alarm, due[len(rung)])

    begun = time.monotonic_ns()
    due = [begun + offset * MILLISECOND for offset in (1, 1, 5, 6)]
    alarm = loop.alarm(again)
    loop.set(alarm, due[0])
    loop.run()
    assert all(now >= wanted for now, wanted in rung)
    assert len(rung) == 4


def test_an_earlier_alarm_does_not_wait_for_one_that_was_set_before(loop):
    rung = []
    late = loop.alarm(lambda now: (rung.append("late"), loop.stop()))
    early = loop.alarm(lambda now: (rung.append("early"), loop.stop()))
    now = time.monotonic_ns()
    loop.set(late, now + 60_000 * MILLISECOND)
    loop.set(early, now + 2 * MILLISECOND)
    loop.run()
    assert rung == ["early"]


def test_a_descriptor_that_is_watched_no_more_is_not_served(loop):
    """Two are ready in one batch, and whoever comes first does away with the other."""
    served = []
    pairs = [socket.socketpair() for _ in range(2)]
    fds = [here.fileno() for here, _ in pairs]

    def serve(this, other):
        served.append(this)
        loop.handlers.pop(other, None)
        loop.stop()

    for fd, other in (fds, fds[::-1]):
        loop.watch(fd, lambda this=fd, other=other: serve(this, other))
    for _, there in pairs:
        there.send(b"x")
    loop.run()
    assert len(served) == 1
    for pair in pairs:
        for end in pair:
            end.close()


def test_what_a_handler_raises_ends_the_loop(loop):
    here, there = socket.socketpair()
    with here, there:
        loop.watch(here.fileno(), lambda: 1 // 0)
        there.send(b"x")
        with pytest.raises(ZeroDivisionError):
            loop.run()


def test_a_signal_is_heard_while_the_loop_sleeps(loop):
    def stop(signum, frame):
        raise InterruptedError("enough")

    before = signal.signal(signal.SIGUSR1, stop)
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(InterruptedError, match="enough"):
            loop.run()
    finally:
        signal.signal(signal.SIGUSR1, before)


fds = st.integers(0, 3000)
doings = st.lists(st.tuples(st.sampled_from(["set", "pop", "get", "clear"]), fds, st.integers()))


@needs_built
@calm
@given(doings)
def test_handlers_are_a_dict_by_descriptor(steps):
    known, found = {}, fast.Handlers()
    for doing, fd, value in steps:
        if doing == "set":
            known[fd] = found[fd] = value
        elif doing == "clear":
            known.clear()
            found.clear()
        else:
            assert getattr(known, doing)(fd, None) == getattr(found, doing)(fd, None)
        assert (fd in found) is (fd in known)
    for fd, value in known.items():
        assert found[fd] == value
    with pytest.raises(KeyError):
        found[3001]


class Link(SimpleNamespace):
    """What a lane needs of one."""

    __hash__ = object.__hash__

    def on_reply(self):
        self.heard.append("on_reply")

    def on_piece(self, data, now):
        self.heard.append(data)

    def defer(self, request, taken):
        self.heard.append(taken)

    def fail(self, kind):
        self.heard.append(kind)


def new_fleet(books, *, eager, poll=None):
    poll = poll or fast.Poll(-1, -1, fast.Handlers(), [])
    return fast.Fleet(poll, books, lambda link, now: None, None, eager, not eager)


def lane(exchanges, *, eager=True, poll=None):
    """A lane over a pair of sockets. Returns (lane, link, fleet, books, the server's end)."""
    here, there = socket.socketpair()
    books = Ledger(paced=not eager)
    fleet = new_fleet(books, eager=eager, poll=poll)
    link = Link(heard=[], group=SimpleNamespace(flying=0), here=here)
    link.lane = fast.Lane(link, fleet, fast.Turns(exchanges, 0), 4096, False)
    link.lane.fd = here.fileno()
    return link.lane, link, fleet, books, there


EXCHANGES = ((b"one", b"ONE!"), (b"two", b"TWO!"))


@needs_built
def test_a_right_reply_is_noted_and_followed_by_the_next_request():
    fast_lane, link, fleet, books, there = lane(EXCHANGES)
    with there, link.here:
        fast_lane.begin(0)
        for request, reply in EXCHANGES * 2:
            assert there.recv(100) == request
            there.send(reply)
            fast_lane()
        assert there.recv(100) == b"one"
        assert len(books.done) == len(books.service) == 4
        assert (fleet.flying, link.heard, fast_lane.asked) == (1, [], True)


@needs_built
@pytest.mark.parametrize("said", [b"ONE", b"ONE?", b"ONE!!", b""])
def test_another_reply_is_the_links_affair_with_all_that_belongs_to_it(said):
    fast_lane, link, fleet, books, there = lane(EXCHANGES)
    with link.here:
        sent = fast_lane.begin(7)
        assert there.recv(100) == b"one"
        there.send(said)
        there.close()
        fast_lane()
        assert link.heard == [said]
        assert (link.request, link.reply, link.intended, link.sent) == (b"one", b"ONE!", 7, sent)
        assert (fleet.flying, link.group.flying, len(books.done)) == (0, 1, 0)
        fast_lane()
        assert link.heard == [said, "on_reply"]


@needs_built
def test_an_alarm_does_not_wait_for_the_rest_of_a_batch():
    """Three are ready at once; the first of them takes so long that the alarm is due behind it."""
    loop = compiled.CompiledLoop()
    done = []

    def take_long():
        here.recv(1)
        while time.monotonic_ns() < due:
            pass

    here, there = socket.socketpair()
    loop.watch(here.fileno(), take_long)
    lanes = [lane(EXCHANGES, poll=loop.poll) for _ in range(2)]
    for each, _, _, _, _ in lanes:
        loop.watch(each.fd, each)
        each.begin(0)
    for end in (there, *(peer for *_, peer in lanes)):
        end.send(b"ONE!")
    alarm = loop.alarm(
        lambda now: (done.extend(len(books.done) for *_, books, _ in lanes), loop.stop())
    )
    due = time.monotonic_ns() + 50 * MILLISECOND
    loop.set(alarm, due)
    loop.run()
    assert done in ([1, 0], [0, 0])  # the latter where this machine was away for 50 ms
    assert [len(books.done) for *_, books, _ in lanes] == [1, 1]
    loop.close()
    for end in (here, there, *(link.here for _, link, *_ in lanes), *(peer for *_, peer in lanes)):
        end.close()


@needs_built
def test_a_request_without_room_is_the_links_affair():
    exchanges = ((b"x" * 10_000_000, b"y"),)
    fast_lane, link, fleet, _, there = lane(exchanges)
    with there, link.here:
        fast_lane.begin(7)
        (taken,) = link.heard
        assert 0 < taken < 10_000_000
        assert (link.reply, fleet.flying, link.group.flying) == (b"y", 0, 1)
        fast_lane.begin(8)
        assert link.heard == [taken, 0]


@needs_built
def test_a_request_to_nobody_has_failed():
    fast_lane, link, _, _, there = lane(EXCHANGES)
    with link.here:
        there.close()
        fast_lane.begin(7)
        assert link.heard == ["reset"]
        assert link.reply == b"ONE!"


@needs_built
def test_a_request_costs_no_python_object():
    """But the ledger's own growth, and that is one buffer for many."""
    fast_lane, link, _, books, there = lane(((b"one", b"ONE!"),))
    with there, link.here:
        room = bytearray(100)
        fast_lane.begin(0)

        def turn(times):
            for _ in range(times):
                there.recv_into(room)
                there.send(b"ONE!")
                fast_lane()

        turn(10)
        before = sys.getallocatedblocks()
        turn(1000)
        assert abs(sys.getallocatedblocks() - before) < 20
        assert len(books.done) == 1010


@needs_built
@calm
@given(st.lists(st.integers(0, 10_000_000)), st.integers(0, 5))
def test_both_cores_count_alike(values, first):
    one, other = Counter({0: 1}), Counter({0: 1})
    for count, counts in ((ledger.count, one), (fast.count, other)):
        count(counts, array("q", values), first, 1000)
    assert one == other


@needs_built
@calm
@given(st.lists(st.integers(0, 100), max_size=60), st.lists(st.booleans()))
def test_due_times_wait_in_a_ring_as_in_a_deque(values, takes):
    ring, known = fast.Queue(), deque()
    for value, take in zip(values, takes, strict=False):
        known.append(value)
        ring.append(value)
        if take:
            assert ring.popleft() == known.popleft()
        assert list(ring) == list(known)
        assert len(ring) == len(known)
    ring.clear()
    assert list(ring) == []
    with pytest.raises(IndexError):
        ring.popleft()


@needs_built
@calm
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=40))
def test_free_links_wait_in_the_order_they_became_free(steps):
    fleet = new_fleet(Ledger(paced=True), eager=False)
    links = [Link() for _ in range(5)]
    for link in links:
        link.lane = fast.Lane(link, fleet, fast.Turns(EXCHANGES, 0), 4096, False)
    known = deque()
    for add, number in steps:
        link = links[number]
        assert (link in fleet.idle) is (link in known)
        if add and link not in known:
            known.append(link)
            fleet.idle.append(link)
        elif link in known:
            known.remove(link)
            fleet.idle.remove(link)
        assert len(fleet.idle) == len(known)
    while known:
        assert fleet.idle.popleft() is known.popleft()
    with pytest.raises(IndexError):
        fleet.idle.popleft()


@pytest.mark.parametrize("load", [{}, {"rate": 400.0}, {"think_s": 0.002}], ids=str)
def test_a_sample_of_replies_tells_how_long_they_have_lain(engine, serve, order, load):
    """One connection is a sample of one: of each reply that came in one piece."""
    window = engine.run(order(serve(), long={"connections": 1} | load)).classes["long"].window
    assert window.completed > 0
    assert window.behind.count == pytest.approx(window.completed, abs=1)
    assert 0 < window.behind.min <= window.service.max


def test_an_engine_that_was_away_is_seen_to_have_been_behind(engine, serve, order):
    """It is stopped for 100 ms with a reply on the way: that is the engine's, not the server's."""
    asked = threading.Event()

    def slow(client, number):
        while data := client.recv(65536):
            asked.set()
            time.sleep(0.05)
            client.sendall(data.upper())

    made = order(serve(slow), long={"connections": 1}, timing=(0.0, 0.5, 0.05))
    assert engine.prepare(made)["event"] == "ready"
    engine.say(go=made["trial"])
    assert engine.hear()["event"] == "started"
    assert asked.wait(10)
    engine.process.send_signal(signal.SIGSTOP)
    time.sleep(0.15)
    engine.process.send_signal(signal.SIGCONT)
    while (event := engine.hear())["event"] != "done":
        pass
    window = EngineResult.model_validate(event["result"]).classes["long"].window
    assert 90 * MILLISECOND < window.behind.max < 400 * MILLISECOND
    assert window.behind.max < window.service.max


def test_one_connection_in_sixteen_is_asked(engine, serve, order):
    made = order(serve(), long={"connections": 32, "rate": 3200.0}, timing=(0.0, 0.5, 0.05))
    window = engine.run(made).classes["long"].window
    assert 0.5 < window.behind.count / (window.completed / 16) < 2
