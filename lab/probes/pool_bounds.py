"""A pool is a buffer: however many tasks there are, so many run at a time, and the rest wait.

Looked at: ten tasks of 0.1 s in a pool of three: the most at a time, the threads that there were,
and the time until the last has ended, which is four rounds.
Control: in a pool of ten they are all done in one round.
Source: docs.python.org, concurrent.futures.ThreadPoolExecutor.
"""

import math
import time
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Lock, get_native_id
from typing import NamedTuple

from lab.probes import Ruling

TASKS, SIZE, TASK_S = 10, 3, 0.1


class Seen(NamedTuple):
    tasks: int
    size: int
    most_at_a_time: int
    threads: int
    took_s: float
    most_in_a_large_pool: int
    large_pool_took_s: float


def observe() -> Seen:
    most, threads, took = _run(SIZE)
    most_large, _, took_large = _run(TASKS)
    return Seen(TASKS, SIZE, most, threads, took, most_large, took_large)


def judge(seen: Seen) -> Ruling:
    rounds = math.ceil(seen.tasks / max(1, seen.size)) * TASK_S
    bounded = seen.most_at_a_time == seen.threads == seen.size
    in_time = 0.95 * rounds < seen.took_s < rounds + TASK_S  # else others had the CPU
    at_once = seen.most_in_a_large_pool == seen.tasks and seen.large_pool_took_s < 2 * TASK_S
    return Ruling(None if bounded and not in_time else bounded, control=at_once)


def _run(size: int) -> tuple[int, int, float]:
    """Return the most tasks at a time, the threads, and the seconds until all were done."""
    counting, inside, most, threads = Lock(), 0, 0, set()

    def task() -> None:
        nonlocal inside, most
        with counting:
            inside += 1
            most = max(most, inside)
            threads.add(get_native_id())
        time.sleep(TASK_S)
        with counting:
            inside -= 1

    with ThreadPoolExecutor(size) as pool:
        start = time.monotonic()
        wait([pool.submit(task) for _ in range(TASKS)])
        return most, len(threads), time.monotonic() - start
