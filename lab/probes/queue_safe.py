"""With a queue, threads need no lock of their own.

Looked at: four producers and four consumers, 100 000 numbers: each arrives once, and each consumer
gets the numbers of any one producer in their order.
Control: a bare list with a place to write and a place to read, and a switch between looking there
and moving on, loses numbers or delivers them twice.
Source: docs.python.org, queue: "implements all the required locking semantics".
"""

import time
from collections import Counter
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

from lab.probes import Ruling

PRODUCERS = CONSUMERS = 4
MANY, FEW = 25_000, 100  # items of each producer
STOP = (-1, 0)
PATIENCE = 1000  # looks at an empty list
Item = tuple[int, int]  # producer, number


class Seen(NamedTuple):
    sent: int
    arrived_once: int
    out_of_order: int
    sent_through_the_list: int
    arrived_once_through_the_list: int


def observe() -> Seen:
    queue: SimpleQueue[Item] = SimpleQueue()
    once, disorder = _run(queue.put, queue.get, MANY)
    bare = Bare()
    few, _ = _run(bare.put, bare.get, FEW)
    return Seen(PRODUCERS * MANY, once, disorder, PRODUCERS * FEW, few)


def judge(seen: Seen) -> Ruling:
    if seen.arrived_once > seen.sent:
        return Ruling(None, control=False)
    whole = 0 < seen.sent == seen.arrived_once and seen.out_of_order == 0
    return Ruling(whole, control=seen.arrived_once_through_the_list < seen.sent_through_the_list)


class Bare:
    """What a queue would be without a lock."""

    def __init__(self) -> None:
        self.items: list[Item] = [STOP] * (PRODUCERS * FEW + CONSUMERS)
        self.written = self.read = 0

    def put(self, item: Item) -> None:
        place = self.written
        time.sleep(0)
        self.items[place] = item
        self.written = place + 1

    def get(self) -> Item:
        for _ in range(PATIENCE):
            place = self.read
            time.sleep(0)
            if place < self.written:
                self.read = place + 1
                return self.items[place]
        return STOP  # what should come was lost


def _run(put: Callable[[Item], None], get: Callable[[], Item], each: int) -> tuple[int, int]:
    """Return how many items arrived exactly once, and how many before an earlier one."""
    taken: list[list[Item]] = [[] for _ in range(CONSUMERS)]

    def produce(producer: int) -> None:
        for number in range(each):
            put((producer, number))

    def consume(mine: list[Item]) -> None:
        while (item := get()) != STOP:
            mine.append(item)

    producers = [Thread(target=produce, args=[number]) for number in range(PRODUCERS)]
    consumers = [Thread(target=consume, args=[mine]) for mine in taken]
    for thread in (*producers, *consumers):
        thread.start()
    for thread in producers:
        thread.join()
    for _ in consumers:
        put(STOP)
    for thread in consumers:
        thread.join()
    counts = Counter(item for mine in taken for item in mine)
    return sum(count == 1 for count in counts.values()), sum(map(_disorder, taken))


def _disorder(items: list[Item]) -> int:
    """Count the producers whose numbers are not in order."""
    of_each = [[number for who, number in items if who == each] for each in range(PRODUCERS)]
    return sum(numbers != sorted(numbers) for numbers in of_each)
