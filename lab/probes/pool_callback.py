"""A pool's callback gets the future, which holds what the task returned: f.result().

Looked at: what the callback is called with, what result() gives, for a task that returns and for
one that raises; in which thread it runs; and what multiprocessing.Pool's callback gets.
Control: a callback that is added to a future that is done runs in the thread that adds it.
Source: docs.python.org, Future.add_done_callback(); multiprocessing.pool.Pool.apply_async().
"""

from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import get_context
from threading import Event, get_native_id
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import ANSWER_S


class Seen(NamedTuple):
    called_with: str
    result: int
    error: str
    ran_in_the_worker: bool
    process_pool_called_with: str
    added_late_ran_in_the_adder: bool


def observe() -> Seen:
    go = Event()
    got: list[tuple[Future[int], int]] = []

    def callback(future: "Future[int]") -> None:
        got.append((future, get_native_id()))

    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(get_native_id).result()
        for task in (lambda: go.wait() and 42, lambda: go.wait() and 1 // 0):
            pool.submit(task).add_done_callback(callback)
        go.set()
    future, thread = got[0]
    future.add_done_callback(callback)
    results: list[object] = []
    with get_context("fork").Pool(1) as processes:
        processes.apply_async(abs, (-42,), callback=results.append).wait(ANSWER_S)
        processes.close()
        processes.join()
    return Seen(
        type(future).__name__,
        future.result(),
        type(got[1][0].exception()).__name__,
        thread == worker,
        type(results[0]).__name__ if results else "nothing",
        got[2][1] == get_native_id(),
    )


def judge(seen: Seen) -> Ruling:
    in_future = (seen.called_with, seen.result, seen.error) == ("Future", 42, "ZeroDivisionError")
    known = seen.ran_in_the_worker and seen.process_pool_called_with == "int"
    return Ruling(in_future if known else None, control=seen.added_late_ran_in_the_adder)
