# What `fast.pyx` offers, for the type checker.

from array import array
from collections import Counter, deque
from collections.abc import Callable

from loadtests.engine import loop
from loadtests.engine.ledger import Ledger
from loadtests.engine.pacing import Asker, Open

# What takes the place of a class that is Python's stands here as one of its kind.
class Alarm(loop.Alarm): ...
class Handlers(dict[int, Callable[[], None]]): ...
class Queue(deque[int]): ...
class Idle(deque[Asker]): ...

class Poll:
    waits: int
    events: int
    def __init__(
        self, fd: int, timer: int, handlers: Handlers, alarms: list[loop.Alarm]
    ) -> None: ...
    def set(self, alarm: loop.Alarm, due: int) -> None: ...
    def run(self) -> None: ...
    def stop(self) -> None: ...

class Turns:
    def __init__(self, exchanges: tuple[tuple[bytes, bytes], ...], first: int) -> None: ...

class Fleet:
    flying: int
    idle: Idle
    queue: Queue
    turns: Turns | None
    def __init__(
        self,
        poll: Poll,
        ledger: Ledger,
        told: Callable[[Asker, int], None],
        turns: Turns | None,
        eager: bool,
        opened: bool,
    ) -> None: ...
    def release(self, arrivals: array[int], number: int, at: int, now: int) -> int: ...

class Ringer:
    def __init__(self, pacer: Open, fleet: Fleet) -> None: ...
    def __call__(self, now: int) -> None: ...

def count(counts: Counter[int], values: array[int], first: int, unit: int) -> None: ...

class Lane:
    fd: int
    asked: bool
    def __init__(
        self, link: Asker, fleet: Fleet, turns: Turns, size: int, stamped: bool
    ) -> None: ...
    def __call__(self) -> None: ...
    def begin(self, intended: int) -> int: ...
    def leave(self) -> None: ...
