"""Every thread needs the interpreter's lock to run: two busy threads never run at the same moment.

Looked at: two threads that only compute, and look at the clock all the time: in a gap the other had
the lock. For how long did both run at the same moment?
Control: two processes that do the same do run at the same moment, on two CPUs.
Source: docs.python.org, glossary, "global interpreter lock". A build without it refutes this.
"""

import os
from multiprocessing import get_context
from threading import Thread
from typing import NamedTuple

from lab.probes import Absent, Ruling
from lab.probes._kit import Stretch, busy_stretches, overlap_s

TRIES, WINDOW_S = 12, 0.4
APART_S, TOGETHER_S = 0.002, 0.01  # inaccuracy of the stretches; beyond doubt


class Seen(NamedTuple):
    processors: int
    less_busy_thread_s: float
    threads_at_the_same_moment_s: float
    processes_at_the_same_moment_s: float


def observe() -> Seen:
    processors = len(os.sched_getaffinity(0))
    if processors < 2:
        raise Absent("two CPUs are needed")
    first, second = _threads()
    less = min(sum(end - start for start, end in each) for each in (first, second)) / 1e9
    processes = 0.0
    for _ in range(TRIES):  # on a busy machine they meet seldom
        processes += _processes()
        if processes > TOGETHER_S:
            break
    return Seen(processors, less, overlap_s(first, second), processes)


def judge(seen: Seen) -> Ruling:
    control = seen.processors > 1 and seen.processes_at_the_same_moment_s > TOGETHER_S
    if seen.less_busy_thread_s < TOGETHER_S:
        return Ruling(None, control)  # one never ran
    together = seen.threads_at_the_same_moment_s
    doubtful = APART_S <= together <= TOGETHER_S
    return Ruling(None if doubtful else together < APART_S, control)


def _threads() -> tuple[list[Stretch], list[Stretch]]:
    ran: list[list[Stretch]] = []
    both = [Thread(target=lambda: ran.append(busy_stretches(WINDOW_S))) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    return ran[0], ran[1]


def _processes() -> float:
    with get_context("fork").Pool(2) as pool:
        pending = [pool.apply_async(busy_stretches, (WINDOW_S,)) for _ in range(2)]
        first, second = (result.get(10) for result in pending)
        return overlap_s(first, second)
