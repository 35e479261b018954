"""gevent's coroutines are greenlets, of a C extension, all in one process; .value is the result.

Looked at: what gevent.Greenlet is a subclass of, and from what kind of file that comes; in which
processes and threads ten of them run, whether they share an object, and what .value is.
Control: ten threads, counted in the same way, are ten.
Source: gevent.org, "Introduction"; greenlet.readthedocs.io.
"""

import importlib
import os
from threading import Barrier, Thread, get_native_id
from typing import NamedTuple

from lab.probes import Absent, Ruling
from servers.needs import missing

TASKS = 10


class Seen(NamedTuple):
    is_a_greenlet: bool
    greenlet_comes_from: str
    processes: int
    threads: int
    shared_object_has: int
    value: int
    threads_counted_in_the_same_way: int


def observe() -> Seen:
    if lack := missing("gevent"):
        raise Absent(lack)
    import gevent
    import greenlet

    extension = importlib.import_module("greenlet._greenlet").__file__ or "none"
    ran: list[tuple[int, int]] = []

    def task(number: int, *, factor: int) -> int:
        ran.append((os.getpid(), get_native_id()))
        gevent.sleep(0)
        return number * factor

    tasks = [gevent.spawn(task, number, factor=2) for number in range(TASKS)]
    gevent.joinall(tasks)
    return Seen(
        issubclass(gevent.Greenlet, greenlet.greenlet),
        extension.rpartition(".")[2],
        len({process for process, _ in ran}),
        len({thread for _, thread in ran}),
        len(ran),
        sum(task.value for task in tasks),
        _threads(),
    )


def judge(seen: Seen) -> Ruling:
    inside = (seen.processes, seen.threads, seen.shared_object_has) == (1, 1, TASKS)
    extension = seen.is_a_greenlet and seen.greenlet_comes_from in {"so", "pyd", "dylib"}
    result = seen.value == TASKS * (TASKS - 1)
    return Ruling(inside and extension and result, seen.threads_counted_in_the_same_way == TASKS)


def _threads() -> int:
    together, ran = Barrier(TASKS), set[int]()

    def task() -> None:
        ran.add(get_native_id())
        together.wait()

    threads = [Thread(target=task) for _ in range(TASKS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(ran)
