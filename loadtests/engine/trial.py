"""One trial, from the first connection to the result.

1. prepare  pin, look the target up and see that it may be loaded, connect what is kept, at a pace;
            then emit `ready`
2. go       start at the agreed instant: warm-up, [t0, window, t1), cool-down
3. drain    nothing is sent any more; replies on the way are awaited for DRAIN at most
4. hold     nobody hangs up until finish(), for the order's `hold` at most: others count, too
5. result   close all, fold the ledgers, emit the last delta and `done`

A trial owns its loop, timer, sockets and counts; closing it leaves nothing behind.
"""

import os
import socket
import time
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from loadtests.engine import sockdiag
from loadtests.engine.classes import NAMES
from loadtests.engine.edges import Snapshot, between, look
from loadtests.engine.group import Group
from loadtests.engine.loop import Loop
from loadtests.engine.order import SECOND, Order
from loadtests.engine.report import Facts, Fold, Marks, class_result, within
from loadtests.engine.sampler import Sampler
from loadtests.engine.series import Series
from loadtests.engine.timer import NEVER
from loadtests.targets import locate

Emit = Callable[[dict[str, Any]], None]
MILLISECOND = 1_000_000  # ns
LATE = 20 * MILLISECOND  # ns behind the agreed beginning, where there is hardly any warm-up
DRAIN = SECOND // 2  # ns until a reply on the way is a timeout
AT_A_TIME = 8  # connects per millisecond: about what a server with a thread per client accepts
FEW = 256  # connections to come: fewer fit into any backlog
QUEUED = 256  # connections that wait for accept(); the lab's servers have room for 1024
UNDER_WAY = 256  # connects unfinished: more would only queue up behind a full backlog
FOLD_AT = 6_000_000  # requests in a ledger, 100 to 150 MB; folding them stops the loop for a second
EVERY_CPU = os.sched_getaffinity(0)  # as the process was started


class TooLate(RuntimeError):
    """The others have begun without this engine: less load than was ordered."""


class Trial:
    """`finished` becomes true when `done` may be emitted: outside of the loop, by settle().

    allowed: targets beside loopback, see loadtests.targets. Raises Refused for any other.
    new_loop: which core, see `compiled`.
    """

    def __init__(
        self,
        order: Order,
        emit: Emit,
        allowed: Sequence[str] = (),
        new_loop: Callable[[], Loop] = Loop,
    ) -> None:
        self.order = order
        self.emit = emit
        os.sched_setaffinity(0, EVERY_CPU if order.cpu is None else {order.cpu})
        place = locate(order.host, order.port, allowed)
        self.loop = new_loop()
        self._near = place[1][0] in ("127.0.0.1", "::1")  # then the backlog can be looked at
        names = [name for name in NAMES if name in order.classes]
        self.groups = [Group(name, order, self.loop, place) for name in names]
        self.sampler = Sampler(order, self.loop, self.groups, emit)
        self.phase = self.loop.alarm(self._connect_some)
        self.finished = False
        self._waiting = deque(link for g in self.groups if g.keeps for link in g.links)
        self._deadline = time.monotonic_ns() + order.deadline
        self._snapshots: list[Snapshot] = []
        self.is_ready = self.released = False
        self.begun = 0  # ns; 0: not yet

    # ── prepare ──

    def prepare(self) -> None:
        for group in self.groups:
            group.on_settled = self._settled
        self.loop.set(self.phase, 1)
        self._settled()

    def _connect_some(self, now: int) -> None:
        if now >= self._deadline:
            for group in self.groups:
                group.give_up()
            self._settled()
            return
        if self._crowded():
            self.loop.set(self.phase, now + MILLISECOND)
            return
        unfinished = sum(group.pending for group in self.groups) - len(self._waiting)
        for _ in range(min(AT_A_TIME, UNDER_WAY - unfinished, len(self._waiting))):
            self._waiting.popleft().connect()
        if not self.is_ready:
            pause = MILLISECOND * self.order.of  # all engines together keep to one pace
            self.loop.set(self.phase, now + pause if self._waiting else self._deadline)

    def _crowded(self) -> bool:
        """Whether the server lags behind: a full backlog drops what comes, which then waits 1 s."""
        if len(self._waiting) < FEW or not self._near:
            return False
        return sockdiag.queued(self.order.port) > QUEUED

    def _settled(self) -> None:
        if self.is_ready or any(group.pending for group in self.groups):
            return
        self.is_ready = True
        self.phase.due = NEVER
        kept = [group for group in self.groups if group.keeps]
        self.emit(
            {
                "event": "ready",
                "trial": self.order.trial,
                "established": {group.name: group.established for group in kept},
                "failed": {group.name: dict(group.unconnected) for group in kept},
            }
        )

    # ── load ──

    def go(self, start: int | None) -> None:
        """Begin at `start`, ns of CLOCK_MONOTONIC; None: now. Raises ValueError if not ready, and
        TooLate, which ends the trial, where what all agreed on has passed.
        """
        if not self.is_ready or self.begun:
            raise ValueError("go: the trial is not ready, or has begun already")
        now = time.monotonic_ns()
        self.begun = now if start is None else start
        late = now - self.begun
        if late > max(self.order.warm_up // 2, LATE):
            raise TooLate(f"told to begin {late / MILLISECOND:.0f} ms after the agreed instant")
        self.set_off()

    def finish(self) -> None:
        """Hold the connections no longer than the trial itself."""
        self.released = True
        if self.phase.action == self._let_go:
            self.loop.set(self.phase, 1)  # at once, but from inside the loop

    def set_off(self) -> None:
        """Announce the window, and begin."""
        order = self.order
        low = self.begun + order.warm_up
        self.window = (low, low + order.window)
        self.end = self.window[1] + order.cool_down
        self.emit({"event": "started", "trial": order.trial, "window": self.window})
        self.phase.action = self._edge
        self.loop.set(self.phase, low)
        self.marks = Marks(self.begun)
        self.folds = {
            group.name: Fold(group.window(self.window), self._series(group))
            for group in self.groups
        }
        self.sampler.start(self.begun, self.relieve)
        for group in self.groups:
            group.start(self.begun)

    def _series(self, group: Group) -> Series | None:
        """Where the load changes, a class that asks is followed to its last reply."""
        if not group.asks or not any(load.stages for load in self.order.classes.values()):
            return None
        return Series(self.begun, self.order.duration + DRAIN)

    def _edge(self, now: int) -> None:
        """Cross an edge of the window."""
        del now
        self._snapshots.append(look(self.loop, self.groups))
        if len(self._snapshots) == 1:
            self.loop.set(self.phase, self.window[1])
        else:
            self.phase.action = self.stop
            self.loop.set(self.phase, self.end)

    def stop(self, now: int) -> None:
        """Begin no request any more."""
        for group in self.groups:
            group.stop(now)
        self.sampler.stop()
        self.phase.action = self._drain
        self._drain(now)

    def _drain(self, now: int) -> None:
        if any(g.under_way and now < max(self.end + DRAIN, g.patience) for g in self.groups):
            self.loop.set(self.phase, now + MILLISECOND)
            return
        for group in self.groups:
            group.finish()
        self.phase.action = self._let_go
        self.loop.set(self.phase, 1 if self.released else now + self.order.hold)

    def _let_go(self, now: int) -> None:
        del now
        self.finished = True
        self.loop.stop()

    def relieve(self, now: int) -> None:
        """Fold early if a ledger has grown too long; what has been done until now is known."""
        ledgers = [group.ledger for group in self.groups]
        if any(len(ledger.done) > FOLD_AT for ledger in ledgers):
            self.sampler.read()
            self.marks.take(ledgers, now)
            for group in self.groups:
                self.folds[group.name].take(group.ledger)

    # ── result ──

    def close(self) -> None:
        for group in self.groups:
            group.close()
        self.loop.close()

    def settle(self) -> None:
        """Close all; hand over the last delta and the result."""
        self.sampler.hand_over()
        facts = {group.name: self._facts(group) for group in self.groups}
        self.close()
        self.marks.take([group.ledger for group in self.groups], time.monotonic_ns() + MILLISECOND)
        self.emit({"event": "done", "trial": self.order.trial, "result": self._result(facts)})

    def _facts(self, group: Group) -> Facts:
        offsets = group.schedule
        schedule = None if offsets is None else array("q", (self.begun + o for o in offsets))
        first, last = self._snapshots
        name, due = group.name, schedule if schedule and not group.asks else ()
        census = {
            "asked": group.asked,
            "established": group.established,
            "held_at_start": first.held[name],
            "held_at_end": last.held[name],
            "lost": group.lost,
            "renewing_at_start": first.renewing[name],
            "renewing_at_end": last.renewing[name],
            "due": within(due, self.window),
            "replaced": last.replaced[name] - first.replaced[name],
            "refused": group.missed["refused"],
            "timed_out": group.missed["timeout"],
            "unfinished": group.unfinished,
        }
        asked = schedule if group.asks else None
        return Facts(group.request_bytes, group.reply_bytes, asked, census)

    def _result(self, facts: dict[str, Facts]) -> dict[str, Any]:
        classes = {}
        for group in self.groups:
            fold = self.folds[group.name]
            fold.take(group.ledger)
            classes[group.name] = class_result(fold, group.ledger, facts[group.name])
        return {
            "engine": f"{socket.gethostname()}-{os.getpid()}",
            "core": self.loop.core,
            "trial": self.order.trial,
            "window": self.window,
            "classes": classes,
            "marks": self.marks.found,
            "in_flight": self.sampler.in_flight,
            "deltas": self.sampler.deltas,
            "delta_requests": self.sampler.requests,
            "stalled_ns": self.sampler.stalled,
            **between(*self._snapshots),
        }
