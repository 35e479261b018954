"""The classes long, short and idle as plain Locust users: a greenlet each, blocking style.

This is how Locust's documentation writes a user for a protocol that Locust has none for: subclass
User, speak in a task, fire `events.request`. What they add to it is the book-keeping of the lab:
stamps in nanoseconds travel in the event's context, and `books` counts them.

A pause is Locust's own, after the task: what Locust needs for itself makes the next request late,
and shows as its lag. So response times hold it, too, and Little's law holds.
"""

from collections.abc import Iterator
from time import monotonic_ns as now_ns
from typing import Any, ClassVar

import gevent
from locust import User, task
from locust.exception import StopUser

from loadtests.engine.order import SECOND
from loadtests.greenlets.books import Asked
from loadtests.greenlets.crew import Crew
from loadtests.greenlets.line import Failed, Line

MILLISECOND = 1_000_000  # ns
PAUSE_S = 0.001  # until a brief one follows one that failed: else it would as fast as it can


class Speaker(User):  # type: ignore[misc] # locust's types are skipped, see pyproject.toml
    """What the users that ask have in common."""

    abstract = True
    crew: ClassVar[Crew]
    line: Line | None = None

    def on_start(self) -> None:
        self.number = self.crew.number()
        self.turns = self.crew.turns(self.number)
        self.thinks: Iterator[int] = self.crew.thinks(self.number)
        self.due = 0
        self.line = self.open()
        self.due = self.crew.begin(self.number)

    def on_stop(self) -> None:
        if self.line is not None:
            self.line.close()

    def open(self) -> Line | None:
        """Connect, if that is to be done before the load begins."""
        raise NotImplementedError

    def wait_time(self) -> float:
        """Locust asks this after each task, and sleeps as long."""
        pause = next(self.thinks)
        self.due += pause
        return pause / SECOND

    def speak(self, line: Line) -> bool:
        """Ask once, and tell Locust what came of it. Returns whether it went well."""
        flying, intended = self.crew.flying, self.due
        request, reply = next(self.turns)
        flying[line] = intended
        failed: Failed | None = None
        try:
            done = line.exchange(request, reply)
        except Failed as why:
            failed, done = why, now_ns()
        if flying.pop(line, None) is None:  # the trial has given it up meanwhile
            return False
        self.tell(Asked(self.crew, intended, line.sent, line.first, done, line.got), failed)
        return failed is None

    def tell(self, asked: Asked, failed: Failed | None) -> None:
        self.due = asked.done  # the pause runs from here on
        self.environment.events.request.fire(
            request_type=self.crew.name,
            name=self.crew.load.path,
            response_time=(asked.done - asked.sent) / MILLISECOND,
            response_length=asked.received,
            exception=failed,
            context={"asked": asked},
        )


class LongUser(Speaker):
    """Stays connected, asks, pauses, asks again."""

    line: Line

    def open(self) -> Line:
        line = self.crew.keep(self.number)
        if line is None:
            raise StopUser
        return line

    @task  # type: ignore[untyped-decorator]
    def ask(self) -> None:
        self.crew.park_if_stopped()
        if not self.speak(self.line):
            self.line = self.crew.reopen(self.number, self.line)
            self.due = now_ns()


class ShortUser(Speaker):
    """Connects, asks once, closes; pauses, and again."""

    def open(self) -> None:
        """Nothing is held."""

    @task  # type: ignore[untyped-decorator]
    def ask(self) -> None:
        crew = self.crew
        crew.park_if_stopped()
        intended, me = self.due, object()
        crew.flying[me] = intended
        called = now_ns()
        try:
            line = crew.connect(self.number)
        except Failed as failed:
            if crew.flying.pop(me, None) is not None:
                self.tell(Asked(crew, intended, called, 0, now_ns(), 0), failed)
            gevent.sleep(PAUSE_S)
            self.due = now_ns()
            return
        if crew.flying.pop(me, None) is not None:
            crew.established += 1
            self.speak(line)
        line.close()


class IdleUser(User):  # type: ignore[misc]
    """Stays connected and says nothing; whatever it hears means that the connection is lost."""

    crew: ClassVar[Crew]
    line: Line | None = None

    def on_start(self) -> None:
        self.line = self.crew.keep(self.crew.number())

    def on_stop(self) -> None:
        if self.line is not None:
            self.line.close()

    @task  # type: ignore[untyped-decorator]
    def hold(self) -> None:
        if self.line is not None:
            self.line.listen()
            self.crew.held -= 1
            self.crew.lost += 1
        raise StopUser


def cast(crews: dict[str, Crew]) -> list[Any]:
    """Return the user class of each crew, ready to be started as often as was asked for."""
    classes = {"long": LongUser, "short": ShortUser, "idle": IdleUser}
    return [
        type(f"Lab{classes[name].__name__}", (classes[name],), {"crew": crew, "fixed_count": asked})
        for name, crew in crews.items()
        if (asked := crew.asked) and not crew.foreign
    ]
