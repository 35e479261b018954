"""A re-entrant lock counts: another thread enters when it was released as often as acquired.

Looked at: after three acquisitions by one thread, whether another gets the lock after the first,
second and third release.
Control: the thread that holds a plain Lock does not get it a second time.
Source: docs.python.org, threading.RLock.
"""

from threading import Lock, RLock, Thread
from typing import NamedTuple

from lab.probes import Ruling

TIMES = 3


class Seen(NamedTuple):
    acquired: int
    others_enter_after: str
    plain_lock_twice: bool


def observe() -> Seen:
    lock, plain = RLock(), Lock()
    acquired = sum(lock.acquire(blocking=False) for _ in range(TIMES))
    entered = []
    for release in range(1, TIMES + 1):
        lock.release()
        if _other_enters(lock):
            entered.append(str(release))
    plain.acquire()
    return Seen(acquired, " ".join(entered) or "none", plain.acquire(blocking=False))


def judge(seen: Seen) -> Ruling:
    counts = (seen.acquired, seen.others_enter_after) == (TIMES, str(TIMES))
    return Ruling(counts, control=not seen.plain_lock_twice)


def _other_enters(lock: "RLock") -> bool:
    entered: list[bool] = []

    def enter() -> None:
        entered.append(lock.acquire(blocking=False))
        if entered[0]:
            lock.release()

    other = Thread(target=enter)
    other.start()
    other.join()
    return entered[0]
