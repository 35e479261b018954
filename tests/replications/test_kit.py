"""What programs measure with: turns, CPUs, and a client that is right and knows who is not."""

import os
import socket
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from lab.replications import Absent, _calls, _kit
from lab.replications._client import percentile
from lab.replications._kit import Load, loaded
from lab.replications.select_copy import slope

pytestmark = pytest.mark.slow


def test_tries_take_turns_and_the_least_is_kept():
    made = []
    costs = {"a": iter([3.0, 1.0, 2.0]), "b": iter([5.0, 6.0, 4.0])}

    def measure(name):
        made.append(name)
        return next(costs[name])

    found = _kit.least(3, {"a": lambda: measure("a"), "b": lambda: measure("b")})
    assert found == {"a": 1.0, "b": 4.0}
    assert made == ["a", "b"] * 3


def test_a_call_is_timed_by_the_clock_it_is_given():
    ticks = iter([100, 700])
    assert _kit.timed(lambda: None, lambda: next(ticks), 6) == 100


def test_children_that_were_waited_for_are_counted():
    before = _kit.cpu_ns()
    child = os.fork()
    if child == 0:
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass
        os._exit(0)
    os.waitpid(child, 0)
    assert 80e6 < _kit.cpu_ns() - before < 1e9


def test_cpus_that_are_not_there_are_told():
    ours = sorted(os.sched_getaffinity(0))
    assert _kit.cpus(1) == ours[:1]
    with pytest.raises(Absent, match=f"{len(ours) + 1} CPUs, and there are {len(ours)}"):
        _kit.cpus(len(ours) + 1)


def test_what_is_begun_elsewhere_comes_back():
    before = os.sched_getaffinity(0)
    one = {min(before)}

    def fail():
        with _kit.on(one):
            seen.append(os.sched_getaffinity(0))
            raise ZeroDivisionError

    seen = []
    with pytest.raises(ZeroDivisionError):
        fail()
    assert [*seen, os.sched_getaffinity(0)] == [one, before]


@pytest.mark.parametrize(("percent", "expected"), [(50, 0.05), (99, 0.099), (100, 0.1), (1, 0.001)])
def test_a_percentile_is_a_sample(percent, expected):
    assert percentile([*range(100, 0, -1)], percent) == pytest.approx(expected)


def test_a_slope_is_that_of_the_line():
    assert slope([1, 2, 4], [5.0, 7.0, 11.0]) == pytest.approx(2.0)
    assert slope([0, 1, 2, 3], [1.0, 0.0, 1.0, 0.0]) == pytest.approx(-0.2)


@pytest.mark.parametrize("make", [_calls.poll, _calls.select])
def test_the_calls_find_who_is_ready_each_time(make):
    one, other = socket.socketpair()
    silent, quiet = socket.socketpair()
    with one, other, silent, quiet:
        call = make([one.fileno(), silent.fileno()])
        assert [call(), call()] == [0, 0]
        other.send(b"!")
        assert [call(), call(), call()] == [1, 1, 1]
        assert make([])() == 0


def test_the_kernel_is_told_of_so_many_bits_only():
    one, other = socket.socketpair()
    with one, other:
        other.send(b"!")
        assert _calls.select([one.fileno()], one.fileno() + 1)() == 1
        assert _calls.select([one.fileno()], one.fileno())() == 0


# the client


@contextmanager
def answering(reply, pause=0.0):
    """Hold a server that answers each 4 bytes by a function of them, and stands still once."""
    meter = SimpleNamespace(read=lambda: SimpleNamespace(cpu_ns=time.monotonic_ns()))
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        heard, lock = [], threading.Lock()

        def serve(client):
            with client:
                while data := client.recv(4, socket.MSG_WAITALL):
                    with lock:
                        heard.append(data)
                        if len(heard) == 20:
                            time.sleep(pause)
                    client.sendall(reply(data))

        def accept():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(client,), daemon=True).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield SimpleNamespace(address=listener.getsockname(), meter=meter, heard=heard)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


OURS = sorted(os.sched_getaffinity(0))


def test_a_closed_load_makes_as_many_requests_as_it_is_told():
    with answering(bytes.upper) as target:
        done = loaded(target, Load(3, 5.0, b"abcd", requests=31), OURS)
        assert done.requests == len(target.heard) == 31
    assert done.p50_us <= done.p99_us


def test_a_load_of_one_request_for_each_connection():
    with answering(bytes.upper) as target:
        done = loaded(target, Load(2, 5.0, b"abcd", requests=10, once=True), OURS)
        assert done.requests == len(target.heard) == 10


def test_a_load_that_is_on_time_ends_on_time():
    with answering(bytes.upper) as target:
        done = loaded(target, Load(2, 0.2, b"abcd"), OURS)
    assert 0.2 <= done.seconds < 2
    assert done.requests > 10


def test_who_asks_on_schedule_counts_a_stall_and_who_counts_from_asking_does_not():
    with answering(bytes.upper, pause=0.4) as target:
        done = loaded(target, Load(1, 1.0, b"abcd", rate=400), OURS)
    assert done.requests == 400  # what could not be asked in time was asked later
    assert done.p99_us > 300_000
    assert done.service_p99_us < done.p99_us / 3


def test_a_wrong_answer_ends_the_load():
    with answering(bytes.lower) as target, pytest.raises(RuntimeError, match="ended with 1"):
        loaded(target, Load(1, 1.0, b"abcd"), OURS)


def test_what_a_server_must_say_is_what_its_protocol_says():
    assert Load(1, 1, b"abc").answer() == b"ABC"
    question = b"GET /bytes/3 HTTP/1.1\r\nHost: lab\r\n\r\n"
    assert Load(1, 1, question, "http").answer().endswith(b"\r\n\r\nxxx")


def test_servers_that_take_turns_are_warmed_up_and_the_least_is_kept(monkeypatch):
    made = []
    costs = iter([1.0, 1.0, 9.0, 8.0, 7.0, 9.0])  # the first two warm up

    @contextmanager
    def served(server, protocol, chosen, workers=4):
        made.append((server, protocol, list(chosen)))
        yield server

    def measured(target, load, chosen):
        made.append((target, load.connections, list(chosen)))
        return SimpleNamespace(server_us=next(costs))

    monkeypatch.setattr(_kit, "served", served)
    monkeypatch.setattr(_kit, "loaded", measured)
    loads = {"few": Load(2, 1.0)}
    found = _kit.in_turns({"a": "select", "b": "epoll"}, "echo", loads, [3, 5], 2)
    assert found == {"a": {"few": 7.0}, "b": {"few": 8.0}}
    assert made[:2] == [("select", "echo", [3]), ("epoll", "echo", [3])]
    assert made[2:] == [("select", 2, [5]), ("epoll", 2, [5])] * 3
