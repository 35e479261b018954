"""The interpreter's lock does not protect our data: read, let others run, write, and updates go.

Looked at: four threads that add to one number in that way. The switch in between is forced: since
Python 3.10 the lock is given up at calls and jumps back only, so a bare `x += 1` proves nothing.
Control: with a lock of our own no update is lost.
Source: docs.python.org, glossary, "global interpreter lock".
"""

import time
from contextlib import AbstractContextManager, nullcontext
from threading import Lock, Thread
from typing import NamedTuple

from lab.probes import Ruling

THREADS, UPDATES = 4, 100


class Seen(NamedTuple):
    updates: int
    lost: int
    lost_with_our_lock: int


def observe() -> Seen:
    return Seen(THREADS * UPDATES, _lost(nullcontext()), _lost(Lock()))


def judge(seen: Seen) -> Ruling:
    if seen.lost >= seen.updates:
        return Ruling(None, control=False)
    return Ruling(seen.lost > 0, control=seen.lost_with_our_lock == 0)


def _lost(lock: AbstractContextManager[object]) -> int:
    total = 0

    def add() -> None:
        nonlocal total
        for _ in range(UPDATES):
            with lock:
                before = total
                time.sleep(0.0001)
                total = before + 1

    threads = [Thread(target=add) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return THREADS * UPDATES - total
