"""With a Timer a process has two threads: the Timer is one, beside the caller's.

Looked at: the threads that the kernel counts before, with one Timer, with five, and after cancel().
Control: five call_later() of asyncio's loop make none.
Source: docs.python.org, threading.Timer: "a subclass of Thread".
"""

import asyncio
import os
from threading import Timer
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import threads_of, until

MANY = 5
FAR_S = 60.0


class Seen(NamedTuple):
    before: int
    with_one: int
    with_five: int
    after_cancel: int
    made_by_call_later: int


def observe() -> Seen:
    timers = [Timer(FAR_S, print) for _ in range(MANY)]
    counts = [threads_of(os.getpid())]
    timers[0].start()
    counts.append(threads_of(os.getpid()))
    for timer in timers[1:]:
        timer.start()
    counts.append(threads_of(os.getpid()))
    for timer in timers:
        timer.cancel()
    for timer in timers:
        timer.join()
    until(lambda: threads_of(os.getpid()) == counts[0])  # joined is a little before gone
    counts.append(threads_of(os.getpid()))
    loop = asyncio.new_event_loop()
    for _ in range(MANY):
        loop.call_later(FAR_S, print)
    loop.run_until_complete(asyncio.sleep(0))
    by_loop = threads_of(os.getpid()) - counts[-1]
    loop.close()
    return Seen._make([*counts, max(0, by_loop)])


def judge(seen: Seen) -> Ruling:
    counts = seen.before, seen.with_one, seen.with_five, seen.after_cancel
    return Ruling(counts == (1, 2, 1 + MANY, 1), control=seen.made_by_call_later == 0)
