"""Hidden waits: what share of a CPU does one thread get that has ever more tasks to go on with?

So many tasks in one asyncio loop, each of which waits 10 ms and then computes for 0.2 ms of CPU
time. The thread is alone on its CPU, and in a second row beside a process that only computes.
Control: the first column, one task. Share of the CPU, in wall time of one try.
Source: docs.kernel.org, scheduler: a thread gets CPU time when it is ready to run.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab.replications import Table
from lab.replications._kit import cpus, on

UNIT = "share of a CPU"
TASKS = (1, 10, 100)
WAIT_S, COMPUTE_S, WINDOW_S = 0.01, 0.0002, 0.7


def measure() -> Table:
    table: Table = {"alone": {}, "beside a process that computes": {}}
    with on(cpus(1)):
        for tasks in TASKS:
            table["alone"][str(tasks)] = asyncio.run(_share(tasks))
        with _computing():
            for tasks in TASKS:
                table["beside a process that computes"][str(tasks)] = asyncio.run(_share(tasks))
    return table


async def _share(tasks: int) -> float:
    """Return the part of the time in which this thread has had a CPU."""
    end = time.monotonic() + WINDOW_S

    async def task() -> None:
        while time.monotonic() < end:
            await asyncio.sleep(WAIT_S)
            done = time.thread_time() + COMPUTE_S
            while time.thread_time() < done:
                pass

    cpu, wall = time.thread_time(), time.monotonic()
    await asyncio.gather(*(task() for _ in range(tasks)))
    return (time.thread_time() - cpu) / (time.monotonic() - wall)


@contextmanager
def _computing() -> Iterator[None]:
    """Hold a process on this CPU that does nothing but compute."""
    code = "print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()  # it has begun
            yield
        finally:
            process.kill()
