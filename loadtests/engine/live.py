"""A load by hand: no phases and no record, but a report each second while it lasts.

    {"event": "live", "trial", "seq", "window": [ns, ns], "classes": {name: {"counts",
     "connections", "response", "service", "lag", "connect"}}, "marks": [[ns, completed], …],
     "in_flight": [n, …], "backlog", "crossed", "cpu_ns", "waits", "events", "full", …}

Reports are mergeable as the results of trials are: exact counts, histograms, differences. They come
of the same ledgers, which are folded every 50 ms and then forgotten, so that an hour takes no more
memory than a second. "done" says only how much was handed over.
"""

import os
import socket
from collections import Counter
from typing import Any

from loadtests.engine.edges import between, look
from loadtests.engine.endless import Endless
from loadtests.engine.group import Group
from loadtests.engine.order import SECOND
from loadtests.engine.report import Fold
from loadtests.engine.timer import NEVER
from loadtests.engine.trial import MILLISECOND, Trial

FOLD_EVERY = 50 * MILLISECOND  # a fold stops the loop for some 0.2 us a request
ALWAYS = (0, NEVER)
MOST_BACKLOG = 1_000_000  # arrivals, 40 bytes each: a server so far behind will not catch up
HISTOGRAMS = ("response", "service", "lag", "connect")


class LiveTrial(Trial):
    """Ends by finish(), or when the order's window has passed."""

    def set_off(self) -> None:
        self.end = self.begun + self.order.window
        self.window = (self.begun, self.end)
        self.emit({"event": "started", "trial": self.order.trial, "window": self.window})
        self._seq = 0
        self._folded_at = self._reported_at = self.begun
        self._before = look(self.loop, self.groups)
        self._due = {group.name: 0 for group in self.groups}
        self._marks = [(self.begun, 0)]
        self._folds = self._new_folds()
        self.phase.action = self.stop
        self.loop.set(self.phase, self.end)
        self._second = self.loop.alarm(self._tick)
        self.loop.set(self._second, self.begun + SECOND)
        self.sampler.start(self.begun, self.relieve)
        for group in self.groups:
            group.start(self.begun)

    def finish(self) -> None:
        """Let what is on the way arrive, then be done. Raises ValueError if it has not begun."""
        if not self.begun:
            raise ValueError("finish: the load has not begun; abort it")
        self.phase.action = self.stop
        self.loop.set(self.phase, 1)  # at once, but from inside the loop

    def stop(self, now: int) -> None:
        self.end = min(now, self.end)
        super().stop(now)

    def relieve(self, now: int) -> None:
        if now - self._folded_at >= FOLD_EVERY:
            self._fold(now)

    def settle(self) -> None:
        self._report()
        deltas, requests = self.sampler.deltas, self.sampler.requests
        self.close()
        result = {
            "engine": f"{socket.gethostname()}-{os.getpid()}",
            "core": self.loop.core,
            "trial": self.order.trial,
            "live": self._seq,
            "deltas": deltas,
            "delta_requests": requests,
        }
        self.emit({"event": "done", "trial": self.order.trial, "result": result})

    def _new_folds(self) -> dict[str, Fold]:
        return {group.name: Fold(ALWAYS) for group in self.groups}

    def _fold(self, now: int) -> None:
        """Take what the ledgers hold; each delta has read it before."""
        self._folded_at = now
        for group in self.groups:
            self._folds[group.name].take(group.ledger)
        self._marks.append((now, sum(group.ledger.completed for group in self.groups)))

    def _tick(self, now: int) -> None:
        self._report()
        passed = (now - self.begun) // SECOND
        self.loop.set(self._second, self.begun + (passed + 1) * SECOND)  # all engines in step

    def _report(self) -> None:
        self.sampler.read()
        self.sampler.hand_over()
        now = look(self.loop, self.groups)
        self._fold(now.at)
        backlog = sum(len(g.pacer.queue) for g in self.groups if isinstance(g.pacer, Endless))
        self._seq += 1
        self.emit(
            {
                "event": "live",
                "trial": self.order.trial,
                "seq": self._seq,
                "window": (self._reported_at, now.at),
                "classes": {group.name: self._class(group) for group in self.groups},
                "marks": self._marks,
                "in_flight": self.sampler.in_flight[:],
                "backlog": backlog,
                **between(self._before, now),
            }
        )
        for tally in self.sampler.tallies.values():
            tally.forget()
        self.sampler.in_flight.clear()
        self._reported_at, self._before = now.at, now
        self._marks, self._folds = [], self._new_folds()
        if backlog > MOST_BACKLOG:
            raise RuntimeError(f"{backlog} requests wait for a free connection: lower the rate")

    def _class(self, group: Group) -> dict[str, Any]:
        fold, failures = self._folds[group.name], group.ledger.failures
        scheduled = fold.completed + len(failures)
        if isinstance(group.pacer, Endless):
            scheduled = group.pacer.due - self._due[group.name]
            self._due[group.name] = group.pacer.due
        sent = fold.completed + sum(failure.sent > 0 for failure in failures)
        return {
            "counts": {
                "scheduled": scheduled,
                "sent": sent,
                "completed": fold.completed,
                "failed": dict(Counter(failure.kind for failure in failures)),
                "bytes_sent": sent * group.request_bytes,
                "bytes_received": fold.completed * group.reply_bytes
                + fold.surplus
                + sum(failure.received for failure in failures),
            },
            "connections": {
                "asked": group.asked,
                "established": group.established,
                "open": group.held if group.keeps else group.under_way,
                "lost": group.lost,
            },
            **{name: getattr(fold, name).to_json() for name in HISTOGRAMS},
        }
