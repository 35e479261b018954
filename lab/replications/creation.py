"""What it takes to begin something that does nothing, and to see its end.

A forked process, one begun anew (multiprocessing, spawn), a thread, a greenlet, an asyncio task,
and for context a forked process whose parent holds 256 MiB more: its page tables are copied.
Children's CPU time is counted. Control: a plain call of a function.
Columns: CPU and wall time of one, the least of seven tries.
Source: Stevens, UNIX Network Programming, chapter 30; fork(2).
"""

import asyncio
import mmap
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess

from greenlet import greenlet

from lab.replications import Table
from lab.replications._kit import cpu_ns

UNIT = "us"
TRIES = 7
HELD = 256 << 20  # bytes
PAGE = 4096


def measure() -> Table:
    spawn = multiprocessing.get_context("spawn")
    _run(spawn.Process(target=_nothing))  # the resource tracker comes with the first one
    ways: dict[str, tuple[Callable[[int], object], int]] = {
        "call": (_again(_nothing), 10_000),
        "task": (lambda times: asyncio.run(_tasks(times)), 1000),
        "greenlet": (_again(lambda: greenlet(_nothing).switch()), 1000),
        "thread": (_again(lambda: _run(threading.Thread(target=_nothing))), 100),
        "fork": (_again(_fork), 20),
        "spawn": (_again(lambda: _run(spawn.Process(target=_nothing))), 1),
    }
    found: Table = {}
    for _ in range(TRIES):
        for row, (begin, times) in ways.items():
            _try(begin, times, found.setdefault(row, {}))
    with mmap.mmap(-1, HELD, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
        for page in range(0, HELD, PAGE):
            held[page] = 1
        for _ in range(TRIES):
            _try(_again(_fork), 5, found.setdefault("fork, parent of 256 MiB", {}))
    return found


def _try(begin: Callable[[int], object], times: int, found: dict[str, float]) -> None:
    """Keep the least CPU and wall time of one, in microseconds."""
    cpu, wall = cpu_ns(), time.monotonic_ns()
    begin(times)
    took = {"cpu": cpu_ns() - cpu, "wall": time.monotonic_ns() - wall}
    for column, ns in took.items():
        found[column] = min(found.get(column, float("inf")), ns / times / 1000)


def _again(begin: Callable[[], object]) -> Callable[[int], None]:
    def several(times: int) -> None:
        for _ in range(times):
            begin()

    return several


def _nothing() -> None:
    pass


def _run(one: threading.Thread | BaseProcess) -> None:
    one.start()
    one.join()


def _fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


async def _tasks(times: int) -> None:
    async def nothing() -> None:
        pass

    for _ in range(times):
        await asyncio.create_task(nothing())
