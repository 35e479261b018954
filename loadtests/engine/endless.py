"""The open workload without an end: arrivals are drawn as they come near, and forgotten behind."""

from array import array
from collections.abc import Iterator
from itertools import islice

from loadtests.engine.loop import Loop
from loadtests.engine.pacing import Open, now_ns

AHEAD = 256  # arrivals known in advance; to draw as many takes some 60 us


class Endless(Open):
    """due: how many arrivals have come so far, begun or queued."""

    def __init__(self, loop: Loop, stream: Iterator[int]) -> None:
        super().__init__(loop, array("q"))
        self._stream = stream
        self._passed = 0  # arrivals that the array holds no more

    @property
    def due(self) -> int:
        return self._passed + self._next

    def start(self, at: int) -> None:
        self._draw()
        super().start(at)

    def ring(self, now: int) -> None:
        super().ring(now)
        self._draw()  # only here: inside of the above, an arrival's place is still in use
        self.rearm()

    def stop(self) -> list[int]:
        """As before, but what would have come later was never due."""
        now, queued, taken = now_ns(), len(self.queue), self.due
        unsent = [due for due in super().stop() if due <= now]
        self._passed, self._next = taken + len(unsent) - queued, 0
        del self.arrivals[:]
        return unsent

    def _draw(self) -> None:
        if len(self.arrivals) - self._next < AHEAD and not self.stopped:
            self._passed += self._next
            del self.arrivals[: self._next]
            self._next = 0
            self.arrivals.extend(islice(self._stream, AHEAD))
