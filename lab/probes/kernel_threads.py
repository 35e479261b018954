"""Python's threads are the kernel's, and what a process owns, its threads share.

Looked at: whether each of five threads has a number of its own in /proc/self/task; whether a file
that a thread opens is open for the others, and one that a forked process opens is not.
Control: five coroutines all run under the number of one thread.
Source: docs.python.org, threading.get_native_id(); fork(2).
"""

import asyncio
import os
from pathlib import Path
from threading import Barrier, Thread, get_native_id
from typing import NamedTuple

from lab.probes import Ruling

TASKS = 5


class Seen(NamedTuple):
    threads: int
    numbers_in_the_kernel: int
    opened_by_a_thread_is_open: bool
    opened_by_a_process_is_open: bool
    numbers_of_coroutines: int


def observe() -> Seen:
    listed, opened = set[int](), list[int]()
    together = Barrier(TASKS)

    def run() -> None:
        together.wait()
        if Path(f"/proc/self/task/{get_native_id()}").is_dir():
            listed.add(get_native_id())
        together.wait()

    threads = [Thread(target=run) for _ in range(TASKS)]
    threads.append(Thread(target=lambda: opened.append(os.open(os.devnull, os.O_RDONLY))))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    number = os.dup(opened[0])
    os.close(number)  # the next descriptor gets this number, in the child too
    child = os.fork()
    if not child:
        os._exit(os.open(os.devnull, os.O_RDONLY) != number)
    same_number = os.waitpid(child, 0)[1] == 0
    by_process = _is_open(number) if same_number else True
    return Seen(TASKS, len(listed), _is_open(opened[0]), by_process, asyncio.run(_coroutines()))


def judge(seen: Seen) -> Ruling:
    kernel = seen.numbers_in_the_kernel == seen.threads > 1
    owned = seen.opened_by_a_thread_is_open and not seen.opened_by_a_process_is_open
    return Ruling(kernel and owned, control=seen.numbers_of_coroutines == 1)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


async def _coroutines() -> int:
    async def number() -> int:
        await asyncio.sleep(0)
        return get_native_id()

    return len(set(await asyncio.gather(*(number() for _ in range(TASKS)))))
