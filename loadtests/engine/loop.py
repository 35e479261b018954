"""The event loop of one trial: an epoll, a handler per descriptor, a few alarms.

Rule: a handler closes no descriptor but its own. The batch may still hold an event of another one,
and a new socket may have taken its number by then; so whoever wants to close many calls stop(), and
closes them after run() has returned.
"""

import select
import time
from collections.abc import Callable, MutableMapping

from loadtests.engine.ledger import count
from loadtests.engine.timer import NEVER, Timer

BATCH = 512  # events per epoll_wait(); CPython allocates that many per call
READ, WRITE, EDGE = select.EPOLLIN, select.EPOLLOUT, select.EPOLLET
Handlers = MutableMapping[int, Callable[[], None]]


class Alarm:
    """Something to be done at a time; `action` gets the clock, and may set the alarm again."""

    __slots__ = ("action", "due")

    def __init__(self, action: Callable[[int], None]) -> None:
        self.action = action
        self.due = NEVER


class Loop:
    """waits, events: calls of epoll_wait() and the events they returned.

    core: which implementation this is; `compiled` has the other one.
    """

    core = "python"
    new_alarm = Alarm
    count = staticmethod(count)

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.handlers: Handlers = {}
        self.alarms: list[Alarm] = []
        self.prepare()

    def prepare(self) -> None:
        """Make what this implementation needs."""
        self._timer = Timer()
        self.watch(self._timer.fd, self._ring, READ | EDGE)
        self._waits = self._events = 0
        self._armed = NEVER
        self._running = False

    @property
    def waits(self) -> int:
        return self._waits

    @property
    def events(self) -> int:
        return self._events

    def watch(self, fd: int, handler: Callable[[], None], mask: int = READ) -> None:
        self.epoll.register(fd, mask)
        self.handlers[fd] = handler

    def rewatch(self, fd: int, handler: Callable[[], None], mask: int) -> None:
        self.epoll.modify(fd, mask)
        self.handlers[fd] = handler

    def alarm(self, action: Callable[[int], None]) -> Alarm:
        new = self.new_alarm(action)
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
            self._waits += 1
            self._events += len(ready)
            for fd, _ in ready:
                if handler := handlers.get(fd):  # an alarm of this batch may have closed it
                    handler()

    def stop(self) -> None:
        """Let run() return after the current batch."""
        self._running = False

    def close(self) -> None:
        if not self.epoll.closed:
            self.epoll.close()
            self.release()
        self.handlers.clear()
        self.alarms.clear()

    def release(self) -> None:
        """Give back what prepare() has taken."""
        self._timer.close()

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
        self._timer.set(due)
