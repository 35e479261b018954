"""The notes' timer runs its task after one second, as its comment says: its code says two.

Looked at: when the notes' Timer(2, ...) runs its task.
Control: a Timer(1, ...) runs it after one second.
Source: the code: the first argument is the interval, docs.python.org, threading.Timer.
"""

import time
from threading import Timer
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import like


class Seen(NamedTuple):
    notes_timer_after_s: float
    timer_of_one_after_s: float


def observe() -> Seen:
    ran: dict[str, float] = {}
    start = time.monotonic()

    def task(name: str) -> None:
        ran[name] = time.monotonic() - start

    timers = [Timer(2, task, kwargs={"name": "lqz"}), Timer(1, task, kwargs={"name": "one"})]
    for timer in timers:
        timer.start()
    for timer in timers:
        timer.join()
    return Seen(ran["lqz"], ran["one"])


def judge(seen: Seen) -> Ruling:
    control = like(seen.timer_of_one_after_s, 1, 2) is True
    return Ruling(like(seen.notes_timer_after_s, 1, 2), control)
