"""Event.wait() blocks until the event is set, then lets all pass.

Looked at: ten threads that wait: how many have passed after 0.3 s without set(), and after it.
Control: a wait for an event that is set already passes at once.
Source: docs.python.org, threading.Event.
"""

import time
from threading import Event, Thread
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import ANSWER_S, SILENCE_S, state, until

WAITERS, WATCHED_S = 10, 0.3


class Seen(NamedTuple):
    waiters: int
    asleep_before: int
    passed_before: int
    passed_after: int
    set_already_passes: bool


def observe() -> Seen:
    event, done = Event(), Event()
    passed: list[bool] = []
    waiters = [
        Thread(target=lambda: passed.append(event.wait(2 * ANSWER_S))) for _ in range(WAITERS)
    ]
    for waiter in waiters:
        waiter.start()
    until(lambda: all(state(waiter) == "S" for waiter in waiters))
    time.sleep(WATCHED_S)
    asleep, before = sum(state(waiter) == "S" for waiter in waiters), len(passed)
    event.set()
    for waiter in waiters:
        waiter.join(ANSWER_S)
    done.set()
    return Seen(WAITERS, asleep, before, sum(passed), done.wait(SILENCE_S))


def judge(seen: Seen) -> Ruling:
    closed = seen.asleep_before == seen.waiters > 0 and seen.passed_before == 0
    return Ruling(closed and seen.passed_after == seen.waiters, control=seen.set_already_passes)
