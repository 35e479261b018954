"""The closed workload of a number of connections that changes: k6's ramping-vus.

All of the connections are held from before the load to its end; what changes is how many of them
ask. The lowest numbers begin first and end last. Who is to end has its reply first.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from loadtests.engine.loop import Loop
from loadtests.engine.pacing import Asker, Closed
from loadtests.engine.thinking import Think


class Ramping(Closed):
    """steps: (ns since the start, how many of these links are active from there on), ascending."""

    def __init__(self, loop: Loop, think: Think, steps: Iterator[tuple[int, int]]) -> None:
        super().__init__(loop, think)
        self.active = 0
        self.begun_at = 0
        self._steps = steps
        self._numbers_of: dict[Asker, int] = {}
        self._asleep: dict[int, Asker] = {}

    def meet(self, links: Sequence[Asker]) -> None:
        super().meet(links)
        self._numbers_of = {link: number for number, link in enumerate(links)}

    def start(self, at: int) -> None:
        self.started = True
        self.begun_at = at
        for link in self.idle:
            self._asleep[self._numbers_of[link]] = link
        self.idle.clear()
        self._next()

    def free(self, link: Asker, now: int) -> None:
        if self.stopped:
            return
        if not self.started:
            self.idle.append(link)
        elif self._numbers_of[link] >= self.active:
            self._asleep[self._numbers_of[link]] = link
        elif pause := self.think.pause(link):
            self._wake(link, now + pause)
        else:
            link.begin(now)

    def drop(self, link: Asker) -> None:
        super().drop(link)
        if self._asleep.get(self._numbers_of[link]) is link:
            del self._asleep[self._numbers_of[link]]

    def _next(self) -> None:
        step = next(self._steps, None)
        if step is not None:
            offset, active = step
            self.later(self.begun_at + offset, partial(self._change, active))

    def _change(self, active: int, due: int) -> None:
        """At `due` so many are active: those that are more begin; those too many end by and by."""
        self._next()
        more = [number for number in range(self.active, active) if number in self._asleep]
        for place, number in enumerate(more):
            link = self._asleep.pop(number)
            self._wake(link, due + self.think.first(link, place, len(more)))
        self.active = active

    def _wake(self, link: Asker, due: int) -> None:
        self.later(due, partial(self._ask, link), link)

    def _ask(self, link: Asker, due: int) -> None:
        """It is to ask now; unless its number has been taken away while it thought."""
        number = self._numbers_of[link]
        if number < self.active:
            link.begin(due)
        else:
            self._asleep[number] = link
