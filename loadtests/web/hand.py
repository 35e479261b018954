"""Loads by hand: from Locust's start button to the engines, and back. Runs on the master.

Life: accept() checks the form and keeps the wish; Locust starts its test, which is nothing but the
tokens; once they stand, the wish becomes a live trial on the same desk that `lab run` uses. Locust
stopping its test (button, run time, lost workers) ends the load well; a load that ends by itself
stops the test. One driver at a time: by hand, or `lab run`.
"""

import logging
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import gevent

from lab.record import LocustCount
from loadtests import handover, targets
from loadtests.desk import ENDS, Desk, Trial
from loadtests.web import board, document, form, outside

log = logging.getLogger(__name__)

BUSY = ("spawning", "running", "cleanup", "stopping")  # Locust's states
TOKENS_S = 10.0  # for the tokens: a second or less
READY_S = 15.0  # for all connections; the engine gives up after 10
FINISH_S = 1.3  # for what is on the way: the engine waits 0.5
ABORT_S = 4.0  # until an engine that does not finish has been killed
RUNS = 20
LAB_RUN = "lab run"
RESET = "Locust's statistics were reset: they cannot be compared"


class Hand:
    """load: the one under way, or the last one. runs: summaries of those that have ended."""

    def __init__(self, runner: Any, desk: Desk, environment: Mapping[str, str]) -> None:
        self.runner = runner
        self.desk = desk
        self.environment = environment
        self.wish: form.Wish | None = None  # accepted; the tokens are not there yet
        self.load: board.Load | None = None
        self.trial: Trial | None = None
        self.runs: deque[dict[str, Any]] = deque(maxlen=RUNS)
        self.number = 0
        self.lab_run = False  # has started the tokens
        self._address = ("", 0)
        self._accepted = 0.0
        self._reset = False
        self._greenlet: Any = None
        desk.on_live = self.on_live
        events = runner.environment.events
        events.spawning_complete.add_listener(self.on_tokens)
        events.test_stopping.add_listener(self.on_stopping)
        events.test_stop.add_listener(self.on_stop)
        events.reset_stats.add_listener(self.on_reset)

    @property
    def active(self) -> bool:
        if self.wish is not None and time.monotonic() - self._accepted < TOKENS_S:
            return True
        return self._greenlet is not None and not self._greenlet.dead

    @property
    def driver(self) -> str | None:
        if self.active:
            return "hand"
        trial = self.desk.trial
        if self.lab_run or (trial and not trial.settled and trial is not self.trial):
            return LAB_RUN
        return None

    # Locust's start button

    def accept(self, fields: Mapping[str, str], seconds: float | None) -> str:
        """Keep a wish until the tokens stand. Returns why not; "": it is accepted."""
        if self.driver == LAB_RUN:
            return "`lab run` drives this Locust. Wait until it has ended, or end it."
        if self.active or self.runner.state in BUSY:
            return "A load is under way. Stop it first, and let it end."
        try:
            wish = form.read(fields, seconds)
            self._address = outside.find(wish, self.environment)
        except (form.BadForm, targets.Refused) as why:
            return str(why)
        if not handover.connected(self.runner):
            return "No Locust worker is connected, so nobody can make the load."
        if self.driver:  # somebody was quicker, while the name was looked up
            return "A load is under way. Stop it first."
        self.wish, self._accepted = wish, time.monotonic()
        return ""

    def accept_lab_run(self) -> str:
        """`lab run` starts the tokens. Returns why not."""
        if self.active:
            return "A load by hand is under way. Stop it on Locust's page first."
        self.lab_run = True
        return ""

    # Locust's events

    def on_tokens(self, **_: Any) -> None:
        """The tokens stand: begin what was accepted."""
        if self.wish is not None:
            wish, self.wish = self.wish, None
            self.number += 1
            self._greenlet = gevent.spawn(self._run, wish)

    def on_stopping(self, **_: Any) -> None:
        """Locust stops. It goes on once the workers are free: it forgets them for a moment."""
        self.wish = None
        trial, load = self.trial, self.load
        if not self.active or load is None:
            self._drop_lab_runs()
            return
        load.state = "stopping"
        if trial is None:
            self._greenlet.kill()
            return
        self.desk.miss(trial)  # Locust stops by itself when it has lost its last worker
        if trial.state == "started":
            self.desk.finish(trial)
        else:
            self.desk.end(trial, "aborted", why="stopped before it began")
        self.desk.wait(lambda: trial.settled, FINISH_S)
        if not trial.settled:
            self.desk.end(trial, "aborted", "load-engine", "the load engine did not finish")
            self.desk.wait(lambda: trial.settled, ABORT_S)

    def _drop_lab_runs(self) -> None:
        """End the trial of a `lab run`: somebody has stopped Locust, and it may be gone itself.

        Or Locust has, for want of workers: that is said first.
        """
        if (trial := self.desk.trial) and not trial.settled:
            self.desk.miss(trial)
            self.desk.end(trial, "aborted", why="Locust was stopped")
            self.desk.wait(lambda: trial.settled, ABORT_S)

    def on_stop(self, **_: Any) -> None:
        self.wish, self.lab_run = None, False

    def on_reset(self, **_: Any) -> None:
        self._reset = True

    def on_live(self, trial: Trial, worker: str, event: dict[str, Any]) -> None:
        if self.load is not None and trial is self.trial:
            self.load.take(worker, event)

    # a load

    def _run(self, wish: form.Wish) -> None:
        load = self.load = board.Load(wish, f"hand-{self.number}", time.time())
        self.trial, self._reset = None, False
        metering = None
        try:
            load.meter, load.no_meter = outside.meet(wish, self._address[0])
            trial = self.trial = self.desk.prepare(wish.order(self.number, self._address))
            load.expected = len(trial.parts)
            self.desk.wait(lambda: trial.reached("ready"), READY_S)
            if trial.state == "ready":
                metering = self._begin(load, trial)
            self.desk.wait(lambda: trial.state in ENDS, wish.seconds + READY_S)
        finally:
            if metering is not None:
                metering.kill()
            self._end(load)
        if load.state != "stopping":
            gevent.spawn(self.runner.stop)

    def _begin(self, load: board.Load, trial: Trial) -> Any:
        """Start the load, and the readings beside it."""
        if load.meter:
            told = [part.ready["established"] for part in trial.parts.values() if part.ready]
            outside.see_them_held(load.meter, sum(sum(one.values()) for one in told))
        self.desk.go(trial, None)
        self.desk.wait(lambda: trial.reached("started"), READY_S)
        if trial.state != "started":
            self.desk.end(trial, "failed", "load-engine", "the load engine did not start")
            return None
        load.state = "running"
        return gevent.spawn(outside.keep_reading, load.meter) if load.meter else None

    def _end(self, load: board.Load) -> None:
        """Free the workers, and write the load down."""
        trial = self.trial
        count, state = None, load.state
        if trial is not None:
            self.desk.end(trial, "aborted", "load-engine", "it did not come to its end")
            self.desk.wait(lambda: trial.settled, ABORT_S)
            count = LocustCount(**trial.count) if trial.count else None
            if trial.state == "failed":
                load.error = (trial.gate, trial.why)
        load.conclude(count)
        for gate in load.judged:
            if self._reset and gate["gate"] == "conservation":
                gate.update(state="unknown", why=RESET)
        load.state, load.ended = state, time.time()
        if load.now is not None:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self.runs.append(document.summary(load, now))
        elif not load.error[1]:
            load.error = ("", "stopped before it began")
