"""When a request is due, and which connection takes it: the closed and the open workload.

A pacer is told when a link is free; it begins the next request on it now, later, or never. It knows
nothing of sockets. `intended` is when the request was due, whenever it is sent.
"""

import heapq
import time
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import Protocol

from loadtests.engine.loop import Loop
from loadtests.engine.thinking import Think
from loadtests.engine.timer import NEVER

now_ns = time.monotonic_ns
Action = Callable[[int], object]


class Asker(Protocol):
    """What a pacer knows of a link."""

    def begin(self, intended: int) -> int:
        """Start the request due at `intended`; returns when it was sent."""


class Pacer:
    """What both workloads share: links in the order they became free, and things to do later."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.alarm = loop.alarm(self.ring)
        self.idle: deque[Asker] = deque()
        self.started = self.stopped = False
        self._parked: list[tuple[int, int, Action, Asker | None]] = []
        self._numbers = count()  # equal due times are served in order

    def meet(self, links: Sequence[Asker]) -> None:
        """All links there are, in the order of their numbers; told before any of them is free."""

    def start(self, at: int) -> None:
        """The load begins at `at`, ns."""
        raise NotImplementedError

    def free(self, link: Asker, now: int) -> None:
        """The link has nothing to do."""
        raise NotImplementedError

    def ring(self, now: int) -> None:
        while self._parked and self._parked[0][0] <= now:
            due, _, action, _ = heapq.heappop(self._parked)
            action(due)
            now = now_ns()
        self.rearm()

    def rearm(self) -> None:
        if self._parked and self._parked[0][0] < self.alarm.due:
            self.loop.set(self.alarm, self._parked[0][0])

    def later(self, due: int, action: Action, link: Asker | None = None) -> None:
        """Call action(due) at `due`; link: on whose behalf, if it is free until then."""
        if not self.stopped:
            heapq.heappush(self._parked, (due, next(self._numbers), action, link))
            self.rearm()

    def drop(self, link: Asker) -> None:
        """A free link has been lost."""
        if link in self.idle:
            self.idle.remove(link)
        self._parked = [entry for entry in self._parked if entry[3] is not link]
        heapq.heapify(self._parked)

    def stop(self) -> list[int]:
        """Begin nothing any more. Returns when those requests were due that were never begun."""
        self.stopped = True
        self._parked.clear()
        self.alarm.due = NEVER
        return []


class Closed(Pacer):
    """Each link's next request waits for its reply, and for the think time after it."""

    def __init__(self, loop: Loop, think: Think) -> None:
        super().__init__(loop)
        self.think = think

    def meet(self, links: Sequence[Asker]) -> None:
        self.think.meet(links)

    def start(self, at: int) -> None:
        """All links begin, each after its first pause."""
        self.started = True
        total = len(self.idle)
        for number in range(total):
            link = self.idle.popleft()
            self.later(at + self.think.first(link, number, total), link.begin, link)

    def free(self, link: Asker, now: int) -> None:
        if self.stopped:
            return
        if not self.started:
            self.idle.append(link)
        elif pause := self.think.pause(link):
            self.later(now + pause, link.begin, link)
        else:
            link.begin(now)


class Open(Pacer):
    """Arrivals are fixed in advance; one that finds no free link waits, and its time runs."""

    def __init__(self, loop: Loop, arrivals: "array[int]") -> None:
        super().__init__(loop)
        self.arrivals = arrivals
        self.begun_at = 0
        self.queue: deque[int] = deque()
        self.release = self._release  # the compiled core has its own, with idle and queue
        self._next = 0

    def start(self, at: int) -> None:
        self.started = True
        self.begun_at = at
        self.rearm()

    def free(self, link: Asker, now: int) -> None:
        del now
        if self.stopped:
            return
        if self.queue:
            link.begin(self.queue.popleft())
        else:
            self.idle.append(link)

    def ring(self, now: int) -> None:
        if self.started:
            self._next = self.release(self.arrivals, self._next, self.begun_at, now)
        super().ring(now)

    def _release(self, arrivals: "array[int]", number: int, at: int, now: int) -> int:
        """Begin or queue all arrivals from `number` on that are due; returns the next one."""
        idle, total = self.idle, len(arrivals)
        while number < total and (intended := at + arrivals[number]) <= now:
            number += 1
            if idle:
                now = idle.popleft().begin(intended)
            else:
                self.queue.append(intended)
        return number

    def rearm(self) -> None:
        super().rearm()
        if self.started and self._next < len(self.arrivals):
            due = self.begun_at + self.arrivals[self._next]
            if due < self.alarm.due:
                self.loop.set(self.alarm, due)

    def stop(self) -> list[int]:
        super().stop()
        unsent = [*self.queue, *(self.begun_at + offset for offset in self.arrivals[self._next :])]
        self.queue.clear()
        self._next = len(self.arrivals)
        return unsent
