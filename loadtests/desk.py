"""The master's side of trials: one at a time, over the workers that stand ready. No HTTP in here.

Life of a trial: preparing → ready → started → done; or failed, or aborted, from anywhere. It is
*settled* when each of its workers has said its last word or is lost; only then does the next one
begin, so that a late report is never counted for another trial. Statistics are read before and
after: see `LocustCount`.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.event import Event

from loadtests import handover
from loadtests.conductor import ENGINE, EVENT, RECORD

log = logging.getLogger(__name__)

WATCH_S = 0.5  # between two looks at the workers in a trial; Locust itself needs 4 s to miss one
PHASES = ("preparing", "ready", "started", "done")
ENDS = ("done", "failed", "aborted")


@dataclass
class Part:
    """One worker's share in a trial."""

    ready: dict[str, Any] | None = None
    window: list[int] | None = None
    result: str | None = None  # JSON text: passed on, never parsed here
    over: bool = False  # has said its last word, or is lost


@dataclass
class Trial:
    """One attempt at a trial, as the master sees it."""

    serial: int
    id: str
    label: str
    order: dict[str, Any]
    parts: dict[str, Part]
    before: handover.Gained
    state: str = "preparing"
    gate: str = ""
    why: str = ""
    lost: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    count: dict[str, int] | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing more can come from any worker."""
        return all(part.over for part in self.parts.values())

    def reached(self, state: str) -> bool:
        """Whether this trial is as far as `state`, or ended otherwise."""
        if self.state in ENDS:
            return True
        return state in PHASES and PHASES.index(self.state) >= PHASES.index(state)


class Desk:
    """Takes orders, tells workers, keeps the current trial and the one event that wakes all
    waiters.
    """

    def __init__(self, runner: Any) -> None:
        self.runner = runner
        self.trial: Trial | None = None
        self.engines: dict[str, int | None] = {}
        self.born = time.monotonic()
        self.serial = 0
        self.on_live: Callable[[Trial, str, dict[str, Any]], None] = lambda *_: None
        self._changed = Event()
        runner.register_message(EVENT, self.on_event)
        runner.register_message(RECORD, self.on_record)
        runner.environment.events.worker_report.add_listener(self.on_report)

    # what the routes call

    def prepare(self, order: dict[str, Any]) -> Trial:
        """Begin a trial on all connected workers. The caller has checked that there is none and
        they are.
        """
        workers = handover.connected(self.runner)
        label = order.pop("label")
        self.serial += 1
        trial = Trial(
            self.serial,
            order["trial"],
            label,
            order,
            {worker: Part() for worker in workers},
            handover.gained(self.runner.stats, label),
        )
        self.trial = trial
        for index, worker in enumerate(workers):
            share = {**order, "share": [index, len(workers)]}
            self._send("lab_prepare", trial, worker, label=label, order=share)
        gevent.spawn(self._watch, trial)
        return trial

    def go(self, trial: Trial, start_ns: int | None) -> None:
        for worker in trial.parts:
            self._send("lab_go", trial, worker, start_ns=start_ns)

    def finish(self, trial: Trial) -> None:
        """Have a live load end well, now; or a trial, once it is over, hold nobody any longer."""
        for worker in trial.parts:
            self._send("lab_finish", trial, worker)

    def end(self, trial: Trial, state: str, gate: str = "", why: str = "") -> None:
        """End a trial early, and free all workers that are still in it."""
        if trial.state in ENDS:
            return
        trial.state, trial.gate, trial.why = state, gate, why
        log.info("trial %s %s %s", trial.id, state, why)
        for worker, part in trial.parts.items():
            if not part.over:
                self._send("lab_abort", trial, worker)
        self._wake()

    def wait(self, until: Any, seconds: float) -> None:
        """Return when `until()` is true, or after `seconds`."""
        deadline = time.monotonic() + seconds
        while not until() and (left := deadline - time.monotonic()) > 0:
            self._changed.wait(left)

    def wait_until_quiet(self) -> None:
        """Return when no trial is under load."""
        while self.trial is not None and self.trial.state == "started":
            self._changed.wait()

    # what the workers say

    def on_event(self, msg: Any, **_: Any) -> None:
        """Ready, started, live, failed or aborted: from one worker."""
        found = self._part(msg)
        if found is None:
            return
        trial, part = found
        event = msg.data["event"]
        if event == "ready":
            part.ready = {"established": msg.data["established"], "failed": msg.data["failed"]}
            self._advance(trial, "ready", all(other.ready for other in trial.parts.values()))
        elif event == "started":
            part.window = msg.data["window"]
            self._advance(trial, "started", all(other.window for other in trial.parts.values()))
        elif event == "live":
            self.on_live(trial, msg.node_id, msg.data)
        elif event in ("failed", "aborted"):
            part.over = True
            self.end(
                trial, "failed", "load-engine", msg.data.get("error") or f"load engine {event}"
            )
        self._wake()

    def on_record(self, msg: Any, **_: Any) -> None:
        """A worker's result. Its statistics came before it: they are in by now."""
        found = self._part(msg)
        if found is None:
            return
        trial, part = found
        part.result, part.over = msg.data["result"], True
        if trial.settled and trial.state not in ENDS:
            trial.count = self._count(trial)
            trial.state = "done"
        self._wake()

    def on_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        """Note the engine's process id, which travels with each report."""
        if self.engines.get(client_id, -1) != data.get(ENGINE):
            self.engines[client_id] = data.get(ENGINE)
            self._wake()

    # inside

    def _advance(self, trial: Trial, state: str, everybody: bool) -> None:
        if everybody and trial.state in PHASES:
            trial.state = state

    def _part(self, msg: Any) -> tuple[Trial, Part] | None:
        trial = self.trial
        if trial is None or trial.serial != msg.data["serial"] or msg.node_id not in trial.parts:
            log.warning("late message %s from %s dropped", msg.type, msg.node_id)
            return None
        return trial, trial.parts[msg.node_id]

    def _count(self, trial: Trial) -> dict[str, int]:
        after = handover.gained(self.runner.stats, trial.label)
        return {
            "requests": after.requests - trial.before.requests,
            "failures": after.failures - trial.before.failures,
            "workers": len(handover.connected(self.runner)),
            "lost_workers": len(trial.lost),
        }

    def _watch(self, trial: Trial) -> None:
        """Look for lost workers while the trial is unsettled: Locust fires no event for them."""
        while not trial.settled:
            self.miss(trial)
            gevent.sleep(WATCH_S)

    def miss(self, trial: Trial) -> None:
        """End a trial if a worker of it is lost."""
        alive = handover.connected(self.runner)
        for worker, part in trial.parts.items():
            if worker not in alive and not part.over:
                trial.lost.append(worker)
                # it, too, is told to abort: if it comes back, it must not be in this trial any more
                self.end(trial, "failed", "conservation", f"Locust worker {worker} went missing")
                part.over = True
                self._wake()

    def _send(self, kind: str, trial: Trial, worker: str, **data: Any) -> None:
        self.runner.send_message(kind, {"serial": trial.serial, **data}, client_id=worker)

    def _wake(self) -> None:
        changed, self._changed = self._changed, Event()
        changed.set()
