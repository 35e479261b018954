"""A semaphore of three lets three threads change the data at a time.

Looked at: ten threads, each of which reads, lets others run, and writes: the most that were inside
at a time, and how many updates were lost: what lets several in protects nothing.
Control: a semaphore of one lets one in, and no update is lost.
Source: docs.python.org, threading.Semaphore.
"""

import time
from threading import Lock, Semaphore, Thread
from typing import NamedTuple

from lab.probes import Ruling

THREADS, UPDATES, WIDE = 10, 50, 3


class Seen(NamedTuple):
    allowed: int
    most_inside: int
    lost: int
    most_inside_one: int
    lost_inside_one: int


def observe() -> Seen:
    return Seen(WIDE, *_run(WIDE), *_run(1))


def judge(seen: Seen) -> Ruling:
    several = seen.most_inside == seen.allowed > 1 and seen.lost > 0
    return Ruling(several, control=(seen.most_inside_one, seen.lost_inside_one) == (1, 0))


def _run(width: int) -> tuple[int, int]:
    """Return the most threads inside at a time, and the updates lost."""
    gate, counting = Semaphore(width), Lock()
    total = inside = most = 0

    def change() -> None:
        nonlocal total, inside, most
        for _ in range(UPDATES):
            with gate:
                with counting:
                    inside += 1
                    most = max(most, inside)
                before = total
                time.sleep(0.0002)
                total = before + 1
                with counting:
                    inside -= 1

    threads = [Thread(target=change) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return most, THREADS * UPDATES - total
