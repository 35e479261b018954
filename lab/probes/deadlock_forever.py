"""Threads that wait for each other's lock wait for ever, and so does one that waits for its own.

Looked at: two threads that take two locks in opposite order, and a thread that takes a lock twice:
are they still asleep after 2 s, without using the CPU?
Control: two threads that take both locks in the same order end.
Source: docs.python.org, threading.Lock.acquire().
"""

import time
from threading import Barrier, Lock, Thread
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import ANSWER_S, processor_s

WATCHED_S = 2.0


class Seen(NamedTuple):
    crossed_threads_alive: int
    repeated_thread_alive: int
    cpu_s: float
    ordered_threads_alive: int


def observe() -> Seen:
    crossed = _two(opposite=True)
    lock = Lock()
    repeated = Thread(target=lambda: lock.acquire() and lock.acquire(), daemon=True)
    repeated.start()
    ordered = _two(opposite=False)
    before = [processor_s(thread) for thread in (*crossed, repeated) if thread.is_alive()]
    time.sleep(WATCHED_S)
    alive = _alive([*crossed, repeated])
    used = sum(map(processor_s, (*crossed, repeated))) - sum(before) if alive == 3 else 0.0
    for thread in ordered:
        thread.join(ANSWER_S)
    return Seen(_alive(crossed), int(repeated.is_alive()), used, _alive(ordered))


def judge(seen: Seen) -> Ruling:
    stuck = seen.crossed_threads_alive == 2 and seen.repeated_thread_alive == 1
    return Ruling(stuck and seen.cpu_s < WATCHED_S / 100, control=seen.ordered_threads_alive == 0)


def _two(*, opposite: bool) -> list[Thread]:
    """Start two threads that take two locks; in opposite order, each has one before the other."""
    first, second = Lock(), Lock()
    together = Barrier(2)

    def take(one: Lock, other: Lock) -> None:
        with one:
            if opposite:
                together.wait()
            with other:
                pass

    orders = [(first, second), (second, first) if opposite else (first, second)]
    threads = [Thread(target=take, args=order, daemon=True) for order in orders]
    for thread in threads:
        thread.start()
    return threads


def _alive(threads: list[Thread]) -> int:
    return sum(thread.is_alive() for thread in threads)
