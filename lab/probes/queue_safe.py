"""With a queue, threads need no lock of their own.

Looked at: four producers and four consumers, 100 000 numbers: each arrives once, and each consumer
gets the numbers of any one producer in their order.
Control: a list with a place to write to loses numbers, where all producers look up the place
before one of them moves it on. This is forced here, and rare otherwise.
Source: docs.python.org, queue: "implements all the required locking semantics".
"""

from collections import Counter
from queue import SimpleQueue
from threading import Barrier, Thread
from typing import NamedTuple

from lab.probes import Ruling

PRODUCERS = CONSUMERS = 4
MANY, FEW = 25_000, 100  # items of each producer
STOP = (-1, 0)
Item = tuple[int, int]  # producer, number


class Seen(NamedTuple):
    sent: int
    arrived_once: int
    out_of_order: int
    sent_through_the_list: int
    left_in_the_list: int


def observe() -> Seen:
    return Seen(PRODUCERS * MANY, *_queue(), PRODUCERS * FEW, _list())


def judge(seen: Seen) -> Ruling:
    if seen.arrived_once > seen.sent:
        return Ruling(None, control=False)
    whole = 0 < seen.sent == seen.arrived_once and seen.out_of_order == 0
    return Ruling(whole, control=0 < seen.left_in_the_list < seen.sent_through_the_list)


def _queue() -> tuple[int, int]:
    """Return how many items arrived exactly once, and how many times out of order."""
    queue: SimpleQueue[Item] = SimpleQueue()
    taken: list[list[Item]] = [[] for _ in range(CONSUMERS)]

    def produce(producer: int) -> None:
        for number in range(MANY):
            queue.put((producer, number))

    consumers = [
        Thread(target=lambda mine=mine: mine.extend(iter(queue.get, STOP))) for mine in taken
    ]
    for thread in consumers:
        thread.start()
    _run([Thread(target=produce, args=[number]) for number in range(PRODUCERS)])
    for _ in consumers:
        queue.put(STOP)
    for thread in consumers:
        thread.join()
    counts = Counter(item for mine in taken for item in mine)
    return sum(count == 1 for count in counts.values()), sum(map(_disorder, taken))


def _disorder(items: list[Item]) -> int:
    """Count the producers whose numbers are not in order."""
    of_each = [[number for who, number in items if who == each] for each in range(PRODUCERS)]
    return sum(numbers != sorted(numbers) for numbers in of_each)


def _list() -> int:
    """Return how many items are left in a list without a lock."""
    items: list[Item] = [STOP] * (PRODUCERS * FEW)
    written, together = 0, Barrier(PRODUCERS)

    def produce(producer: int) -> None:
        nonlocal written
        for number in range(FEW):
            place = written
            together.wait()
            items[place] = producer, number
            written = place + 1
            together.wait()

    _run([Thread(target=produce, args=[number]) for number in range(PRODUCERS)])
    return len(set(items) - {STOP})


def _run(threads: list[Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
