"""The compiled core: the same loop and kept connections, their hot path in C (`fast.pyx`).

It is there where `make setup` has found a C compiler. LAB_ENGINE_CORE=python does without,
LAB_ENGINE_CORE=compiled insists.
"""

from typing import TYPE_CHECKING

from loadtests.engine.dial import Handler
from loadtests.engine.eager import Eager
from loadtests.engine.lives import Kept
from loadtests.engine.loop import EDGE, READ, Loop
from loadtests.engine.pacing import Open
from loadtests.engine.timer import Timer

try:
    from loadtests.engine import fast
except ImportError:  # not built, or for another Python
    fast = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from loadtests.engine.group import Group

CORES = ("auto", "python", "compiled")
FOLLOWED = frozenset({Kept, Eager})  # these very classes, none that does more


class CompiledLoop(Loop):
    """The loop of `fast`: alarms are looked at between events, too."""

    core = "compiled"

    def prepare(self) -> None:
        self.handlers = fast.Handlers()
        self._timer = Timer()
        self.epoll.register(self._timer.fd, READ | EDGE)
        self.poll = fast.Poll(self.epoll.fileno(), self._timer.fd, self.handlers, self.alarms)
        self.run, self.stop, self.set = self.poll.run, self.poll.stop, self.poll.set  # type: ignore[method-assign]
        self.new_alarm, self.count = fast.Alarm, fast.count

    @property
    def waits(self) -> int:
        return self.poll.waits

    @property
    def events(self) -> int:
        return self.poll.events


def choose(wanted: str = "auto") -> type[Loop]:
    """The loop of a core. Raises ValueError where the one wanted is unknown or not to be had."""
    if wanted not in CORES:
        raise ValueError(f'LAB_ENGINE_CORE is one of {", ".join(CORES)}, not "{wanted}"')
    if wanted == "compiled" and fast is None:
        raise ValueError(
            "there is no compiled core here: `make setup` builds it where there is gcc"
        )
    return Loop if fast is None or wanted == "python" else CompiledLoop


def compiled_fleet(loop: CompiledLoop, group: "Group", *, eager: bool) -> "fast.Fleet":
    """What the group's lanes share; an open workload's idle links and queue are there, too."""
    pacer, client = group.pacer, group.client
    opened = isinstance(pacer, Open)
    turns = fast.Turns(client.exchanges, 0) if client.in_order else None
    fleet = fast.Fleet(loop.poll, group.ledger, pacer.free, turns, eager, opened)
    if isinstance(pacer, Open):
        pacer.idle, pacer.queue, pacer.release = fleet.idle, fleet.queue, fleet.release
        if type(pacer) is Open:
            pacer.alarm.action = fast.Ringer(pacer, fleet)
    return fleet


class CompiledKept(Kept):
    """Kept or eager. The request under way is its lane's until something unusual happens."""

    __slots__ = ("lane",)

    def __init__(self, group: "Group", number: int) -> None:
        super().__init__(group, number)
        fleet = group.fleet
        assert fleet is not None  # CompiledKept is chosen where there is one
        turns = fleet.turns or fast.Turns(group.client.exchanges, number)
        self.lane = fast.Lane(self, fleet, turns, self.size, self.stamped)

    def begin(self, intended: int) -> int:
        return self.lane.begin(intended)

    def listener(self) -> Handler:
        if self.group.pacer.stopped:
            return super().listener()
        self.lane.fd = self.fd
        return self.lane

    def ease(self) -> None:
        """The load is over: what is under way goes on in Python."""
        self.lane.leave()
        handlers = self.group.loop.handlers
        if self.fd >= 0 and handlers[self.fd] is self.lane:
            handlers[self.fd] = self.listener()
