"""What the probes look with: it tells sleeping from running, one moment from another."""

import os
import socket
import subprocess
import sys
from threading import Event, Thread

import pytest

from lab.probes import Absent, _kit
from lab.probes._kit import AWAKE, asleep_in, like, overlap_s, seconds, system_calls, until


@pytest.mark.parametrize(
    ("took", "due"),
    [
        (0.0, None),
        (0.18, None),  # shorter than either way can be
        (0.2, True),
        (0.24, True),
        (0.26, None),  # late, or early: no telling
        (0.3, False),
        (0.5, False),
        (0.7, None),  # something else took the time
    ],
)
def test_a_time_is_like_that_of_one_way_or_of_neither(took, due):
    assert like(took, 0.2, 0.3) is due


@pytest.mark.parametrize(
    ("some", "others", "due_ns"),
    [
        ([(0, 10)], [(10, 20)], 0),
        ([(0, 10)], [(4, 20)], 6),
        ([(0, 10), (20, 30)], [(5, 25)], 10),
        ([(0, 100)], [(10, 20), (30, 40)], 20),
        ([], [(0, 10)], 0),
    ],
)
def test_stretches_overlap_as_far_as_both_last(some, others, due_ns):
    assert overlap_s(some, others) == overlap_s(others, some) == due_ns / 1e9


def test_stretches_end_where_the_thread_was_held_up(monkeypatch):
    times = iter([0, 5_000, 10_000, 90_000, 95_000, 1_000_000])
    monkeypatch.setattr(_kit.time, "monotonic_ns", lambda: next(times))
    assert _kit.busy_stretches(0.0009) == [(0, 10_000), (90_000, 95_000), (1_000_000, 1_000_000)]


def test_a_sleeping_thread_is_found_in_its_call():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = Thread(target=ours.recv, args=[1])
        thread.start()
        until(lambda: thread.native_id is not None)
        assert asleep_in(os.getpid(), thread.native_id) == "recv"
        theirs.send(b"x")
        thread.join()


def test_a_running_thread_is_awake():
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            assert asleep_in(process.pid, within=0.3) == AWAKE
        finally:
            process.kill()


def test_a_machine_whose_calls_are_not_known_is_no_evidence(monkeypatch):
    monkeypatch.setattr(_kit.platform, "machine", lambda: "pdp11")
    with pytest.raises(Absent, match="pdp11"):
        asleep_in(os.getpid())


def test_waiting_ends_with_what_is_waited_for_or_without():
    event = Event()
    assert not until(event.is_set, within=0.02)
    event.set()
    assert until(event.is_set, within=0.0)
    assert seconds(event.wait) < 1


def test_system_calls_between_the_marks_are_counted():
    calls = system_calls("import os; os.getcwd(); os.getppid(); os.umask(0); os.getppid()")
    assert calls == {"umask": 1}


def test_code_that_breaks_under_strace_is_no_evidence():
    with pytest.raises(Absent, match="ZeroDivisionError"):
        system_calls("1 // 0")
