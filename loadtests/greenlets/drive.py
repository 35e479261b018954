"""One trial with plain Locust users, from the first of them to the result.

1. prepare  pin, look the target up and see that it may be loaded, start all users; ours connect
            what they hold and wait, somebody else's wait before their first line; then emit `ready`
2. go       all begin at the agreed instant: warm-up, [t0, window, t1), cool-down
3. drain    ours begin no request any more; replies on the way are awaited for DRAIN at most
4. hold     nobody hangs up until finish(), for the order's `hold` at most; somebody else's users
            know no holding, and go on
5. result   stop all, fold the ledgers, emit the last delta and `done`

Everything happens in one hub: a user that never yields stops the trial with all that is in it. Its
worker then ends this process by its id.
"""

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gevent
import locust
from gevent.event import Event
from locust.env import Environment

from loadtests import handover, targets
from loadtests.engine.order import SECOND, Order
from loadtests.engine.report import Fold, Marks, class_result
from loadtests.greenlets import locustfile
from loadtests.greenlets.books import Books
from loadtests.greenlets.crew import Crew, sleep_until
from loadtests.greenlets.orders import CLASSES, File, check
from loadtests.greenlets.users import cast
from loadtests.greenlets.watch import Watch

Emit = Callable[[dict[str, Any]], None]
MILLISECOND = 1_000_000  # ns
DRAIN_S = 0.5  # until a reply on the way is a timeout, as the load engine's
LOOK_S = 0.01  # between two looks at users that are being made
STOP_S = 0.5  # for somebody else's users to end their tasks
SCHEDSTAT = Path("/proc/thread-self/schedstat")
NOTHING = {"count": 0, "sum": 0, "min": 0, "max": 0, "buckets": []}


class Edge(NamedTuple):
    """The process at an edge of the window, ns. delayed: ready to run, not running; -1: unknown."""

    at: int
    cpu: int
    delayed: int
    flying: int
    held: dict[str, int]


def delayed() -> int:
    """See `loadtests.engine.edges`, which would bring the engine's loop along."""
    try:
        return int(SCHEDSTAT.read_bytes().split()[1])
    except (OSError, ValueError, IndexError):
        return -1


class Drive:
    """Raises ValueError, Unloadable, Refused, OSError, all before anything has started."""

    def __init__(
        self, order: Order, file: File | None, emit: Emit, environment: Mapping[str, str]
    ) -> None:
        self.order, self.file, self.emit = order, file, emit
        check(order, file)
        os.sched_setaffinity(0, os.sched_getaffinity(0) if order.cpu is None else {order.cpu})
        place = targets.locate(order.host, order.port, targets.allowed(environment))
        guests = locustfile.Guests(order, place) if file else None
        self.crews: dict[str, Crew] = {
            name: guests if guests and name == "long" else Crew(name, order, place)
            for name in CLASSES
            if name in order.classes
        }
        self.guests = guests
        self.classes = self._their_classes(environment)
        self.books = Books(guests, self.classes)
        self.runner: Any = None
        self._go, self._released = Event(), Event()
        self._start: int | None = None
        self._life: Any = None
        self.watch = Watch(order, list(self.crews.values()), emit)

    # what the process asks for

    def prepare(self, failed: Callable[[Exception], None]) -> None:
        """Begin the trial's life. failed: told why it could not go on."""

        def live() -> None:
            try:
                self._live()
            except Exception as error:  # noqa: BLE001  # the trial fails, with the reason
                failed(error)

        self._life = gevent.spawn(live)

    def go(self, start: int | None) -> None:
        if self._life is None or self._go.is_set() or self.runner is None:
            raise ValueError("go: the trial is not ready, or has begun already")
        self._start = start
        self._go.set()

    def finish(self) -> None:
        """Hold nobody longer than the trial itself."""
        self._released.set()

    # its life

    def _live(self) -> None:
        self._connect()
        self._go.wait()
        begun = time.monotonic_ns() if self._start is None else self._start
        order = self.order
        low = begun + order.warm_up
        window = (low, low + order.window)
        self.books.window = window
        self.emit({"event": "started", "trial": order.trial, "window": window})
        folds = {name: Fold(window) for name in self.crews}
        marks = Marks(begun)
        gevent.sleep(0)  # what was said goes out before the users take over
        sleep_until(begun)
        self.watch.start(begun, folds, marks)
        for crew in self.crews.values():
            crew.gate.set(begun)
        edges = []
        for at in window:
            sleep_until(at)
            edges.append(self._look())
        sleep_until(window[1] + order.cool_down)
        self._end()
        if self.books.broken is not None:
            raise RuntimeError(f"a user of our own: {self.books.broken!r}")
        self.watch.stop()
        result = self._result(edges, folds, marks)
        self.emit({"event": "done", "trial": order.trial, "result": result})

    def _connect(self) -> None:
        """Start all users, and wait until they hold what they hold."""
        deadline = gevent.Timeout(self.order.deadline / SECOND)
        deadline.start()
        try:
            self._populate()
            for crew in self.crews.values():
                crew.settled.wait()
        except gevent.Timeout as late:
            if late is not deadline:
                raise
            for crew in self.crews.values():
                crew.give_up()
        finally:
            deadline.close()
        kept = [crew for crew in self.crews.values() if crew.keeps]
        self.emit(
            {
                "event": "ready",
                "trial": self.order.trial,
                "established": {crew.name: crew.established for crew in kept},
                "failed": {crew.name: dict(crew.unconnected) for crew in kept},
            }
        )

    def _populate(self) -> None:
        order = self.order
        where = locustfile.url(order.protocol, order.host, order.port)
        environment = Environment(
            user_classes=[*self.classes, *cast(self.crews)],
            events=locust.events,
            host=where,
            locustfile=Path(self.file.path).name if self.file else None,
            parsed_options=self._options(where),
            stop_timeout=STOP_S if self.file else 0.0,
        )
        environment.events.request.add_listener(self.books.on_request)
        environment.events.user_error.add_listener(self.books.on_user_error)
        runner = environment.create_local_runner()
        environment.events.init.fire(environment=environment, runner=runner, web_ui=None)
        total = sum(crew.asked for crew in self.crews.values())
        if total:
            runner.start(total, spawn_rate=total)
        if self.file and handover.listener_failed():
            why = "one of its listeners failed, the log of the Locust worker says how"
            raise locustfile.Unloadable(f"{environment.locustfile}: {why}")
        while not handover.spawned(runner):
            gevent.sleep(LOOK_S)
        if error := handover.spawning_error(runner):
            raise locustfile.unmade(self.file.path if self.file else "", error)
        self.runner = runner
        if self.guests:
            self.guests.spawned(self._guests_running())

    def _their_classes(self, environment: Mapping[str, str]) -> list[Any]:
        """Load their file, and hold its users back."""
        if self.file is None or self.guests is None:
            return []
        locustfile.permitted(self.file.path, environment)
        found = locustfile.load(self.file.path, self.file.users)
        for cls in found:
            locustfile.hold_back(cls, self.guests.gate)
        return found

    def _options(self, where: str) -> Any:
        if self.file is None:
            return None
        found = locustfile.options(self.file.path, self.file.options)
        found.host, found.headless, found.num_users = where, True, self.crews["long"].asked
        return found

    def _guests_running(self) -> int:
        counts = self.runner.user_classes_count
        return sum(counts[cls.__name__] for cls in self.classes)

    def _look(self) -> Edge:
        held = {
            name: self._guests_running() if crew.foreign else crew.held
            for name, crew in self.crews.items()
        }
        flying = sum(len(crew.flying) for crew in self.crews.values())
        return Edge(time.monotonic_ns(), time.process_time_ns(), delayed(), flying, held)

    def _end(self) -> None:
        """Drain and hold; then stop everybody."""
        crews = self.crews.values()
        for crew in crews:
            crew.stopped = True
        until = time.monotonic() + DRAIN_S
        while any(crew.flying for crew in crews) and time.monotonic() < until:
            gevent.sleep(0.001)
        for crew in crews:
            crew.finish()
        self._released.wait(self.order.hold / SECOND)
        if self.guests:
            self.guests.lost = max(0, self.guests.established - self._guests_running())
        self.runner.stop()

    # the result

    def _result(
        self, edges: Sequence[Edge], folds: Mapping[str, Fold], marks: Marks
    ) -> dict[str, Any]:
        first, last = edges
        self.watch.hand_over()
        marks.take([c.ledger for c in self.crews.values()], time.monotonic_ns() + MILLISECOND)
        classes = {}
        for name, crew in self.crews.items():
            folds[name].take(crew.ledger)
            facts = crew.facts((first.held[name], last.held[name]))
            found = classes[name] = class_result(folds[name], crew.ledger, facts)
            if crew.foreign:  # Locust tells neither
                found["window"] |= {"first_byte": NOTHING, "lag": NOTHING}
        return {
            "engine": f"{socket.gethostname()}-{os.getpid()}",
            "trial": self.order.trial,
            "driver": "locustfile" if self.file else "greenlets",
            "window": self.books.window,
            "crossed": (first.at, last.at),
            "classes": classes,
            "marks": marks.found,
            "in_flight": [] if self.file else self.watch.in_flight,
            "in_flight_at_edges": (first.flying, last.flying),
            "cpu_ns": last.cpu - first.cpu,
            "delayed_ns": last.delayed - first.delayed if first.delayed >= 0 else -1,
            "stalled_ns": self.watch.stalled,
            "waits": 0,  # gevent's hub counts neither waits nor events
            "events": 0,
            "full": 0,
            "deltas": self.watch.deltas,
            "delta_requests": self.watch.requests,
            "names": self.books.names(),
        }
