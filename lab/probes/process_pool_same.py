"""A process pool is used exactly as a thread pool, only the class is another.

Looked at: one script with both classes: a function of a module; a function that is made on the
spot; a task that changes a variable of ours; the process in which the callback runs.
Control: in the thread pool all of it works.
Source: docs.python.org, ProcessPoolExecutor: "only picklable objects can be executed and returned".
"""

import os
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import ANSWER_S

shared: list[int] = []
PARTS = "holds for functions of a module that share nothing, not for others"


class Seen(NamedTuple):
    function_in_processes: bool
    made_on_the_spot_in_processes: str
    our_variable_changed_by_processes: bool
    callback_in_our_process: bool
    function_in_threads: bool
    made_on_the_spot_in_threads: str
    our_variable_changed_by_threads: bool


def observe() -> Seen:
    processes = partial(ProcessPoolExecutor, mp_context=get_context("fork"))
    return Seen(*_script(processes(1)), *_script(ThreadPoolExecutor(1))[:3])


def judge(seen: Seen) -> Ruling:
    plain = seen.function_in_processes and seen.callback_in_our_process
    same = seen.made_on_the_spot_in_processes == "42" and seen.our_variable_changed_by_processes
    threads = seen.made_on_the_spot_in_threads == "42" and seen.our_variable_changed_by_threads
    if not plain:
        return Ruling(None, control=False)  # the pool does not work at all
    return Ruling(same, seen.function_in_threads and threads, "" if same else PARTS)


def _script(executor: Executor) -> tuple[bool, str, bool, bool]:
    """Return (function works, one made here, variable changed, callback in our process)."""
    shared.clear()
    ran_in: list[int] = []
    with executor as pool:
        future = pool.submit(_twice, 21)
        future.add_done_callback(lambda _: ran_in.append(os.getpid()))
        plain = future.result(ANSWER_S) == 42
        pool.submit(_change).result(ANSWER_S)
        on_the_spot = pool.submit(lambda: 42)
        error = on_the_spot.exception(ANSWER_S)
    text = type(error).__name__ if error else str(on_the_spot.result())
    return plain, text, 2 in shared, ran_in == [os.getpid()]


def _twice(number: int) -> int:
    return 2 * number


def _change() -> None:
    shared.append(2)
