"""The event loop of one trial: an epoll, a handler per descriptor, a few alarms.

Rule: a handler closes no descriptor but its own. The batch may still hold an event of another one,
and a new socket may have taken its number by then; so whoever wants to close many calls stop(), and
closes them after run() has returned.
"""

import select
import time
from collections.abc import Callable

from loadtests.engine.timer import NEVER, Timer

BATCH = 512  # events per epoll_wait(); CPython allocates that many per call
READ, WRITE = select.EPOLLIN, select.EPOLLOUT


class Alarm:
    """Something to be done at a time; `action` gets the clock, and may set the alarm again."""

    __slots__ = ("action", "due")

    def __init__(self, action: Callable[[int], None]) -> None:
        self.action = action
        self.due = NEVER


class Loop:
    """waits, events: calls of epoll_wait() and the events they returned."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.timer = Timer()
        self.handlers: dict[int, Callable[[], None]] = {}
        self.watch(self.timer.fd, self._ring, READ | select.EPOLLET)
        self.alarms: list[Alarm] = []
        self.waits = self.events = 0
        self._armed = NEVER
        self._running = False

    def watch(self, fd: int, handler: Callable[[], None], mask: int = READ) -> None:
        self.epoll.register(fd, mask)
        self.handlers[fd] = handler

    def rewatch(self, fd: int, handler: Callable[[], None], mask: int) -> None:
        self.epoll.modify(fd, mask)
        self.handlers[fd] = handler

    def alarm(self, action: Callable[[int], None]) -> Alarm:
        new = Alarm(action)
        self.alarms.append(new)
        return new

    def set(self, alarm: Alarm, due: int) -> None:
        alarm.due = due
        if due < self._armed:
            self._arm(due)

    def run(self) -> None:
        """Serve events until stop()."""
        poll, handlers = self.epoll.poll, self.handlers
        self._running = True
        while self._running:
            ready = poll(-1, BATCH)
            self.waits += 1
            self.events += len(ready)
            for fd, _ in ready:
                handlers[fd]()

    def stop(self) -> None:
        """Let run() return after the current batch."""
        self._running = False

    def close(self) -> None:
        if not self.epoll.closed:
            self.epoll.close()
            self.timer.close()
        self.handlers.clear()
        self.alarms.clear()

    def _ring(self) -> None:
        self._armed = 0  # no set() in between arms the timer: it is done once, below
        now = time.monotonic_ns()
        for alarm in self.alarms:
            if alarm.due <= now:
                alarm.due = NEVER
                alarm.action(now)
        self._arm(min(alarm.due for alarm in self.alarms))

    def _arm(self, due: int) -> None:
        self._armed = due
        self.timer.set(due)
