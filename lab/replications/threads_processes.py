"""Threads for waiting, processes for computing: tasks per second, by how many do them.

Waiting: each task sleeps 10 ms; one thread, and four. Computing: each task takes 1 ms of CPU; two
threads, and two processes. Control: one worker each way.
Source: docs.python.org, glossary, global interpreter lock.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

from lab.replications import Table
from lab.replications._kit import cpus, on

UNIT = "tasks per second"
WAIT_S, COMPUTE_S = 0.01, 0.001
WAITS, COMPUTATIONS = 40, 200  # tasks of one try
ROUNDS = 3


def measure() -> Table:
    return measured(cpus(3))


def measured(ours: Sequence[int]) -> Table:
    """Measure on those CPUs."""
    table: Table = {}
    with on(ours):
        for row, workers in (("1 thread", 1), ("4 threads", 4)):
            with ThreadPoolExecutor(workers) as pool:
                table[row] = {"waiting": _rate(pool, wait, WAITS)}
        for row, workers in (("1 thread", 1), ("2 threads", 2)):
            with ThreadPoolExecutor(workers) as pool:
                table.setdefault(row, {})["computing"] = _rate(pool, compute, COMPUTATIONS)
        for row, workers in (("1 process", 1), ("2 processes", 2)):
            with ProcessPoolExecutor(workers) as pool:
                table[row] = {"computing": _rate(pool, compute, COMPUTATIONS)}
    return table


def _rate(pool: Executor, task: Callable[[int], None], tasks: int) -> float:
    """Return tasks per second, the most of a few rounds; the pool is filled before."""
    list(pool.map(task, range(tasks // 4), chunksize=10))
    best = 0.0
    for _ in range(ROUNDS):
        start = time.monotonic()
        list(pool.map(task, range(tasks), chunksize=10))
        best = max(best, tasks / (time.monotonic() - start))
    return best


def wait(_number: int) -> None:
    time.sleep(WAIT_S)


def compute(_number: int) -> None:
    end = time.thread_time() + COMPUTE_S
    while time.thread_time() < end:
        pass
