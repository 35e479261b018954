"""What users tell by `events.request` becomes counts: the one place where requests are counted.

Our own users send their stamps along. Of somebody else's no more is known than Locust knows: a
name, a response time in milliseconds, a length, an exception. So of those there is no first byte,
no lag and no count of bytes sent, and a request on its way is seen by nobody.

Both listeners book without letting another greenlet run, so `done` stamps are in order.
"""

from array import array
from collections import Counter
from collections.abc import Iterable
from time import monotonic_ns as now_ns
from typing import Any, NamedTuple

from loadtests.engine.histogram import Histogram
from loadtests.engine.ledger import Failure
from loadtests.greenlets.crew import Crew

MILLISECOND = 1_000_000  # ns
LONGEST_MS = 86_400_000.0  # a day: whatever is longer is no response time
MOST_NAMES = 1000  # a user that puts numbers into its names has any number of them
TOP = 20  # names in the record; the others are added up
OTHERS = "(others)"
MOST_ERRORS, ERROR_CHARS = 5, 120  # of one name


class Asked(NamedTuple):
    """One request of our own users. first: 0 where nothing came."""

    crew: Crew
    intended: int
    sent: int
    first: int
    done: int
    received: int


class Named:
    """What happened inside the window under one name. untimed: right, but nobody took the time."""

    def __init__(self) -> None:
        self.took = array("q")
        self.failed: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.untimed = 0

    @property
    def size(self) -> int:
        return len(self.took) + self.failed.total() + self.untimed

    def add(self, other: "Named") -> None:
        self.took.extend(other.took)
        self.failed.update(other.failed)
        self.errors.update(other.errors)
        self.untimed += other.untimed

    def to_json(self, method: str, name: str) -> dict[str, Any]:
        times = Histogram()
        times.add_all(self.took)
        return {
            "method": method,
            "name": name,
            "completed": len(self.took),
            "untimed": self.untimed,
            "failed": dict(sorted(self.failed.items())),
            "errors": dict(self.errors.most_common(MOST_ERRORS)),
            "response": times.to_json(),
        }


class Books:
    """guests: the crew of somebody else's users, if there are any, and their classes."""

    def __init__(self, guests: Crew | None = None, classes: Iterable[type] = ()) -> None:
        self.guests = guests
        self.classes = tuple(classes)
        self.window = (0, 0)  # until it is known, nothing is inside
        self.broken: Exception | None = None  # one of our own users did not do its work
        self._names: dict[tuple[str, str], Named] = {}

    def on_request(
        self,
        request_type: Any,
        name: Any,
        response_time: Any,
        response_length: Any,
        exception: Any = None,
        context: Any = None,
        **_: Any,
    ) -> None:
        """Listen to events.request."""
        asked = context.get("asked") if isinstance(context, dict) else None
        if isinstance(asked, Asked):
            self._book(asked, exception)
        elif self.guests is not None:
            took = _nanoseconds(response_time)
            length = response_length if isinstance(response_length, int) else 0
            self._book_guest(str(request_type), str(name), took, max(0, length), exception)

    def on_user_error(self, user_instance: Any, exception: Exception, **_: Any) -> None:
        """Listen to events.user_error: an exception that a task or on_start() let out."""
        user = getattr(user_instance, "user", user_instance)  # a TaskSet has one
        if self.guests is None or not isinstance(user, self.classes):
            self.broken = self.broken or exception
            return
        now = now_ns()
        self.guests.ledger.failures.append(Failure(now, "raised", now, 0, 0))
        self._fail(now, ("user", type(user).__name__), "raised", exception)

    def names(self) -> list[dict[str, Any]]:
        """The names of the window, those with most requests first."""
        listed = sorted(self._names.items(), key=lambda item: (-item[1].size, item[0]))
        rows = [found.to_json(*key) for key, found in listed[:TOP]]
        if listed[TOP:]:
            rest = Named()
            for _, found in listed[TOP:]:
                rest.add(found)
            rows.append(rest.to_json("", OTHERS))
        return rows

    def _book(self, asked: Asked, exception: Any) -> None:
        crew, intended, sent, first, done, received = asked
        if exception is not None:
            crew.ledger.failures.append(Failure(done, exception.kind, intended, sent, received))
            return
        crew.ledger.resize(received - crew.reply_bytes)
        crew.ledger.add(done, intended, sent, first)

    def _book_guest(
        self, method: str, name: str, took: int | None, length: int, exception: Any
    ) -> None:
        assert self.guests is not None
        ledger, now = self.guests.ledger, now_ns()
        if exception is not None:
            kind, sent = kind_of(exception), now - (took or 0)
            ledger.failures.append(Failure(now, kind, sent, sent, length))
            self._fail(now, (method, name), kind, exception)
        elif took is not None:
            ledger.resize(length)
            ledger.add(now, now - took, now - took, now)
            if self.window[0] <= now < self.window[1]:
                self._named((method, name)).took.append(took)
        elif self.window[0] <= now < self.window[1]:
            self._named((method, name)).untimed += 1

    def _fail(self, now: int, key: tuple[str, str], kind: str, exception: Any) -> None:
        if self.window[0] <= now < self.window[1]:
            named = self._named(key)
            named.failed[kind] += 1
            text = " ".join(f"{type(exception).__name__}: {exception}".split())[:ERROR_CHARS]
            if text in named.errors or len(named.errors) < MOST_ERRORS:
                named.errors[text] += 1

    def _named(self, key: tuple[str, str]) -> Named:
        if key not in self._names and len(self._names) >= MOST_NAMES:
            key = ("", OTHERS)
        return self._names.setdefault(key, Named())


def _nanoseconds(response_time: Any) -> int | None:
    """Locust's milliseconds; None: not a time."""
    if isinstance(response_time, int | float) and 0 <= response_time < LONGEST_MS:
        return round(response_time * MILLISECOND)
    return None


KINDS: tuple[tuple[str, str], ...] = (  # a word in the name of an exception → kind, in this order
    ("Refused", "refused"),
    ("Timeout", "timeout"),
    ("timeout", "timeout"),  # gevent's and socket's of old
    ("RemoteDisconnected", "closed"),
    ("ConnectionReset", "reset"),
    ("BrokenPipe", "reset"),
    ("ConnectionAborted", "reset"),
    ("IncompleteRead", "short"),
)


def kind_of(exception: Any) -> str:
    """Name a user's exception as one of `lab.record.FailureKind`.

    HTTP libraries wrap what happened in exceptions of their own, so all within is looked at; by
    names, as each library has its own classes. Whatever is left is what the user holds for wrong.
    """
    known = {cls.__name__ for one in _within(exception) for cls in type(one).__mro__}
    for word, kind in KINDS:
        if any(word in name for name in known):
            return kind
    return "wrong"


def _within(exception: Any) -> list[BaseException]:
    """The exception, and those that it holds or came from."""
    found: list[BaseException] = []
    todo = [exception]
    while todo and len(found) < TOP:
        one = todo.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            todo += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found
