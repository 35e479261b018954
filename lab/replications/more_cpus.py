"""Threads on one CPU and on two: are they worse where there is more than one?

Computing: two threads that only compute, and how long both take. Serving: the threaded echo server
with 16 clients, and its CPU time per request; the clients are on a CPU of their own. Control: two
processes that compute; for them two CPUs must be better.
Columns: CPUs that they may use. The least of several rounds.
Source: bugs.python.org, issue 7946 (the old lock was worse; it was rewritten in Python 3.2).
"""

import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence

from lab.replications import Table
from lab.replications._kit import Load, by_row, cpus, least, loaded, on, served, timed

UNIT = "ms, and us of CPU per request"
STEPS = 1_000_000  # of each thread
ROUNDS = 5
LOAD = Load(connections=16, seconds=0.4)


def measure() -> Table:
    return measured(cpus(3))


def measured(ours: Sequence[int]) -> Table:
    """Measure on the first one and the first two of these CPUs, with the clients on the last."""
    table: Table = {}
    processes = multiprocessing.get_context("fork").Process
    for column, chosen in (("1 CPU", ours[:1]), ("2 CPUs", ours[:2])):
        with on(chosen):
            tries: dict[str, Callable[[], float]] = {
                "threads, computing": lambda: timed(lambda: _two(threading.Thread), *WALL_MS),
                "processes, computing": lambda: timed(lambda: _two(processes), *WALL_MS),
            }
            by_row(least(ROUNDS, tries), column, table)
        with served("threads", "echo", chosen) as target:
            costs = [loaded(target, LOAD, ours[-1:]).server_us for _ in range(3)]
        by_row({"threads, serving": min(costs)}, column, table)
    return table


WALL_MS = (time.monotonic_ns, 1_000_000)


def _two(kind: Callable[..., threading.Thread | multiprocessing.process.BaseProcess]) -> None:
    both = [kind(target=compute, args=(STEPS,)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()


def compute(steps: int) -> None:
    total = 0
    for _ in range(steps):
        total += 3
