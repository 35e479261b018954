"""The lock is there because the garbage collection's thread is not safe: there is no such thread.

Looked at: the threads that the kernel counts before and after a collection, and in which thread a
collection runs: in whichever asks for it.
Control: a thread that is started by hand is counted.
Source: docs.python.org, glossary, "global interpreter lock": it protects the object model, dict
among it; C API, "Thread State and the Global Interpreter Lock": reference counts.
"""

import gc
import os
from threading import Event, Thread, get_native_id
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import threads_of


class Seen(NamedTuple):
    threads_before: int
    threads_during: int
    threads_after: int
    main_collects_in_main: bool
    worker_collects_in_worker: bool
    threads_with_a_worker: int


def observe() -> Seen:
    ran: list[tuple[int, int]] = []  # thread, threads there were
    gc.callbacks.append(lambda *_: ran.append((get_native_id(), threads_of(os.getpid()))))
    before = threads_of(os.getpid())
    gc.collect()
    in_main, during = ran[0]
    after = threads_of(os.getpid())
    counted, collected = Event(), Event()

    def work() -> None:
        ran.clear()
        gc.collect()
        collected.set()
        counted.wait()

    worker = Thread(target=work)
    worker.start()
    collected.wait()
    with_worker = threads_of(os.getpid())
    counted.set()
    worker.join()
    mine, theirs = in_main == get_native_id(), ran[0][0] == worker.native_id
    return Seen(before, during, after, mine, theirs, with_worker)


def judge(seen: Seen) -> Ruling:
    counts = {seen.threads_before, seen.threads_during, seen.threads_after}
    own = not (seen.main_collects_in_main and seen.worker_collects_in_worker)
    if own is (len(counts) == 1):
        return Ruling(None, control=False)  # a thread that nobody counts, or that does nothing
    return Ruling(own, control=seen.threads_with_a_worker == seen.threads_before + 1)
