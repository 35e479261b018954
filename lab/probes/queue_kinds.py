"""The thread queues are first-in-first-out, last-in-first-out and by priority; no process queue.

Looked at: the order in which each gives back 3, 1, 2; and whether an item that a forked process
puts into a thread queue is seen by its parent.
Control: through a multiprocessing.Queue it is.
Source: docs.python.org, queue; multiprocessing, "Exchanging objects between processes".
"""

import multiprocessing
import os
import queue
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import ANSWER_S


class Seen(NamedTuple):
    fifo: str
    lifo: str
    priority: str
    crossed_in_a_thread_queue: bool
    crossed_in_a_process_queue: bool


def observe() -> Seen:
    kinds: list[queue.Queue[int]] = [queue.Queue(), queue.LifoQueue(), queue.PriorityQueue()]
    orders = []
    for kind in kinds:
        for item in (3, 1, 2):
            kind.put(item)
        orders.append(" ".join(str(kind.get()) for _ in range(3)))
    threads: queue.Queue[str] = queue.Queue()
    processes: multiprocessing.Queue[str] = multiprocessing.get_context("fork").Queue()
    child = os.fork()
    if not child:
        threads.put("crossed")
        processes.put("crossed")
        processes.close()
        processes.join_thread()
        os._exit(0)
    os.waitpid(child, 0)
    by_process = processes.get(timeout=ANSWER_S) == "crossed"
    return Seen._make([*orders, not threads.empty(), by_process])


def judge(seen: Seen) -> Ruling:
    ordered = (seen.fifo, seen.lifo, seen.priority) == ("3 1 2", "2 1 3", "1 2 3")
    return Ruling(
        ordered and not seen.crossed_in_a_thread_queue, control=seen.crossed_in_a_process_queue
    )
