"""Switching between tasks that only compute: what does it cost, however it is done?

Two tasks count. They run one after the other, by turns as generators, by turns as
greenlets, and as two threads that share one CPU. Control: the same generators, one after the other.
Columns: steps between two switches. The notes compare 10^8 steps without with 10^6 steps with
switches; here each way makes the same steps. CPU time per step, the least of several rounds.
Source: docs.python.org, yield expressions; greenlet.readthedocs.io.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from greenlet import getcurrent, greenlet

from lab.replications import Table
from lab.replications._kit import by_row, cpus, least, on, timed

UNIT = "ns of CPU per step"
STEPS = 100_000  # of each task
ROUNDS = 9


def measure() -> Table:
    table: Table = {}
    with on(cpus(1)):
        for column, task, plain in (("1", _each, _each_plain), ("100", _every, _every_plain)):
            ways = {
                "serial": lambda plain=plain: [plain(None) for _ in range(2)],
                "generators, no turns": lambda task=task: _drain(task(), task()),
                "generators": lambda task=task: _in_turn(task(), task()),
                "greenlets": lambda plain=plain: _greenlets(plain),
                "threads": lambda plain=plain: _threads(plain),
            }
            tries = {
                row: lambda way=way: timed(way, time.process_time_ns, 2 * STEPS)
                for row, way in ways.items()
            }
            by_row(least(ROUNDS, tries), column, table)
    return table


def _each() -> Iterator[None]:
    total = 0
    for _ in range(STEPS):
        total += 3
        yield


def _every() -> Iterator[None]:
    total = 0
    for _ in range(STEPS // 100):
        for _ in range(100):
            total += 3
        yield


def _each_plain(switch: Callable[[], object] | None) -> None:
    total = 0
    if switch is None:
        for _ in range(STEPS):
            total += 3
        return
    for _ in range(STEPS):
        total += 3
        switch()


def _every_plain(switch: Callable[[], object] | None) -> None:
    total = 0
    for _ in range(STEPS // 100):
        for _ in range(100):
            total += 3
        if switch is not None:
            switch()


def _drain(*tasks: Iterator[None]) -> None:
    for task in tasks:
        deque(task, maxlen=0)


def _in_turn(one: Iterator[None], other: Iterator[None]) -> None:
    for _ in one:
        next(other, None)


def _greenlets(plain: Callable[[Callable[[], object] | None], None]) -> None:
    here = getcurrent()
    both = [greenlet(lambda: plain(here.switch)) for _ in range(2)]
    while not all(one.dead for one in both):
        for one in both:
            one.switch()


def _threads(plain: Callable[[Callable[[], object] | None], None]) -> None:
    both = [threading.Thread(target=plain, args=(None,)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
