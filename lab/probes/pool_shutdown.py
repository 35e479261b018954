"""shutdown() waits for all tasks and closes the pool: nothing can be submitted then.

Looked at: the notes' script, with 20 tasks of 0.1 s instead of 1 s, and a pool of three: how many
had ended when shutdown() came back, after how long (seven rounds), and what the last two lines do:
submit() raises, so the script's last line, print('主'), is never reached.
Control: shutdown(wait=False) comes back before the tasks have ended.
Source: docs.python.org, Executor.shutdown().
"""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from lab.probes import Ruling

TASKS, SIZE, TASK_S = 20, 3, 0.1


class Seen(NamedTuple):
    tasks: int
    ended_when_it_came_back: int
    took_s: float
    submit_afterwards: str
    last_line_reached: bool
    ended_without_waiting: int


def observe() -> Seen:
    ended, took, error, reached = _script(wait=True)
    few, *_ = _script(wait=False)
    return Seen(TASKS, ended, took, error, reached, few)


def judge(seen: Seen) -> Ruling:
    waits = seen.ended_when_it_came_back == seen.tasks == TASKS
    rounds = TASK_S * math.ceil(TASKS / SIZE)
    in_time = 0.95 * rounds < seen.took_s < rounds + TASK_S  # else others had the CPU
    closed = seen.submit_afterwards == "RuntimeError" and not seen.last_line_reached
    whole = waits and closed
    control = seen.ended_without_waiting < seen.tasks
    return Ruling(None if whole and not in_time else whole, control)


def _script(*, wait: bool) -> tuple[int, float, str, bool]:
    """Return (tasks ended at its return, seconds, error of submit(), last line reached)."""
    ended: list[str] = []
    error, reached = "none", False

    def task(name: str) -> None:
        time.sleep(TASK_S)
        ended.append(name)

    pool = ThreadPoolExecutor(SIZE)
    start = time.monotonic()
    for i in range(TASKS):
        pool.submit(task, f"task {i}")
    pool.shutdown(wait=wait, cancel_futures=not wait)
    count, took = len(ended), time.monotonic() - start
    try:
        pool.submit(task, "too late")
        reached = True
    except RuntimeError as refused:
        error = type(refused).__name__
    return count, took, error, reached
