"""What one switch costs: generators, greenlets, asyncio's sleep(0), and threads that take turns.

Two partners switch back and forth and do nothing else; the threads wait for each other's lock. All
of it on one CPU, so that a thread's switch is one, and no wake of another CPU. Control: a call of
a function. Columns: CPU and wall time of one switch, the least of several rounds.
Source: greenlet.readthedocs.io; docs.python.org, asyncio.sleep.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

from greenlet import getcurrent, greenlet

from lab.replications import Table
from lab.replications._kit import by_row, cpus, least, on, timed

UNIT = "us per switch"
SWITCHES = 10_000
ROUNDS = 9


def measure() -> Table:
    ways: dict[str, Callable[[], object]] = {
        "call": _calls,
        "generator": _generators,
        "greenlet": _greenlets,
        "sleep(0)": lambda: asyncio.run(_sleeps()),
        "thread": _threads,
    }
    table: Table = {}
    with on(cpus(1)):
        for column, clock in (("cpu", time.process_time_ns), ("wall", time.monotonic_ns)):
            tries = {
                row: lambda way=way, clock=clock: timed(way, clock, 1000 * SWITCHES)
                for row, way in ways.items()
            }
            by_row(least(ROUNDS, tries), column, table)
    return table


def _nothing() -> None:
    pass


def _calls() -> None:
    for _ in range(SWITCHES):
        _nothing()


def _generators() -> None:
    def partner() -> Iterator[None]:
        while True:
            yield

    task = partner()
    for _ in range(SWITCHES // 2):  # there and back
        next(task)


def _greenlets() -> None:
    here = getcurrent()

    def partner() -> None:
        while True:
            here.switch()

    other = greenlet(partner)
    for _ in range(SWITCHES // 2):
        other.switch()


async def _sleeps() -> None:
    async def partner() -> None:
        for _ in range(SWITCHES // 2):
            await asyncio.sleep(0)

    await asyncio.gather(partner(), partner())


def _threads() -> None:
    mine, theirs = threading.Lock(), threading.Lock()
    mine.acquire()
    theirs.acquire()

    def partner() -> None:
        for _ in range(SWITCHES // 2):
            theirs.acquire()
            mine.release()

    other = threading.Thread(target=partner)
    other.start()
    for _ in range(SWITCHES // 2):
        theirs.release()
        mine.acquire()
    other.join()
