"""Switching while a task waits: what is gained when the other one computes meanwhile?

Two tasks wait 50 ms, then compute for 50 ms of CPU time. They run one after the other, as
coroutines that switch while they wait, and as threads. Control: the same coroutines, but the wait
is a blocking one, so that they switch at no wait. At best four thirds: 200 ms against 150. Wall
time, the least of several rounds. Source: docs.python.org, asyncio, Developing with asyncio.
"""

import asyncio
import threading
import time

from lab.replications import Table
from lab.replications._kit import by_row, least, timed

UNIT = "ms"
WAIT_S = COMPUTE_S = 0.05
ROUNDS = 5


def measure() -> Table:
    ways = {
        "serial": _serial,
        "switching": lambda: asyncio.run(_both(blocking=False)),
        "switching at no wait": lambda: asyncio.run(_both(blocking=True)),
        "threads": _threads,
    }
    tries = {
        row: lambda way=way: timed(way, time.monotonic_ns, 1_000_000) for row, way in ways.items()
    }
    table: Table = {}
    by_row(least(ROUNDS, tries), "both tasks", table)
    return table


def _compute() -> None:
    end = time.thread_time() + COMPUTE_S
    while time.thread_time() < end:
        pass


def _task() -> None:
    time.sleep(WAIT_S)
    _compute()


def _serial() -> None:
    _task()
    _task()


async def _both(*, blocking: bool) -> None:
    async def task() -> None:
        if blocking:
            time.sleep(WAIT_S)  # noqa: ASYNC251 the control: it blocks
        else:
            await asyncio.sleep(WAIT_S)
        _compute()

    await asyncio.gather(task(), task())


def _threads() -> None:
    both = [threading.Thread(target=_task) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
