"""After shutdown() 20 threads have run: 20 tasks have, in the three threads of the pool.

Looked at: the threads that ran the notes' 20 tasks in their pool of three.
Control: in a pool of 20, tasks that wait for each other run in 20 threads.
Source: docs.python.org, ThreadPoolExecutor: "a pool of at most max_workers threads".
"""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, get_native_id
from typing import NamedTuple

from lab.probes import Ruling

TASKS, SIZE, TASK_S = 20, 3, 0.02


class Seen(NamedTuple):
    tasks: int
    threads: int
    threads_in_a_large_pool: int


def observe() -> Seen:
    return Seen(TASKS, _threads(SIZE, 1), _threads(TASKS, TASKS))


def judge(seen: Seen) -> Ruling:
    if not 0 < seen.threads <= seen.tasks:
        return Ruling(None, control=False)
    return Ruling(seen.threads == seen.tasks, control=seen.threads_in_a_large_pool == seen.tasks)


def _threads(size: int, at_once: int) -> int:
    """Return how many threads run TASKS tasks, which wait for each other by so many at once."""
    together = Barrier(at_once)

    def task(_: int) -> int:
        together.wait(10)
        time.sleep(TASK_S)
        return get_native_id()

    with ThreadPoolExecutor(size) as pool:
        return len(set(pool.map(task, range(TASKS))))
