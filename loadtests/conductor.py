"""The worker's side of a trial: owns one load engine, passes orders down and events up.

The engine is a subprocess (`loadtests.engine`) that speaks JSON lines. Its deltas become part of
this worker's Locust statistics, its other events become messages to the master. A trial with
plain Locust users is done by another such process (`loadtests.greenlets`), started for that trial
and ended with it, while the engine sleeps. Rules:
* the statistics are sent before the last message of a trial, so the master has counted when it
  hears the end;
* a dead engine fails its trial with the reason, and the next engine is started at once;
* plain users may never yield: a process of theirs that is late is killed by its id;
* nothing here blocks: pipes are gevent's, a long engine never makes a worker "missing".
"""

import contextlib
import json
import logging
import os
import shlex
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

import gevent
from gevent.subprocess import PIPE, Popen

from loadtests import handover

log = logging.getLogger(__name__)

ABORT_GRACE_S = 3.0  # an engine that has not obeyed an abort by then is killed
LOAD_S = 20.0  # for plain users: Python, Locust, their locustfile, all connections
LATE_S = 5.0  # behind the planned end of their trial, or its hold
HEALTHY_S = 1.0  # an engine that died younger than this is restarted with a pause
RESTART_PAUSE_S = 1.0
PIPE_BYTES = 65536  # a Linux pipe holds this much; a result is some hundred KiB
RECORD, EVENT, ENGINE = "lab_record", "lab_event", "lab_engine"
LAST_EVENTS = ("done", "failed", "aborted")
USERS = [sys.executable, "-m", "loadtests.greenlets"]
SECRETS = ("LAB_TOKEN", "LAB_LEASH")  # nothing for the eyes of somebody's code


@dataclass
class Job:
    """The trial this worker is in. serial: the master's number for this attempt at it.

    driver: whose users these are; "": nobody's, the load engine does it. due: when the trial itself
    is over; late: when its process is, at the latest; both on the monotonic clock.
    """

    serial: int
    trial: str
    label: str
    driver: str = ""
    lasts: float = 0.0
    hold: float = 0.0
    due: float = 0.0
    late: float = 0.0


def engine_command() -> list[str]:
    """Return the load engine's command; LAB_ENGINE_COMMAND replaces it (tests, other engines)."""
    own = os.environ.get("LAB_ENGINE_COMMAND")
    return shlex.split(own) if own else [sys.executable, "-m", "loadtests.engine"]


class Conductor:
    """One load engine and the trial it is in. Made once per worker, in Locust's `init` event."""

    def __init__(self, runner: Any) -> None:
        self.runner = runner
        self.job: Job | None = None
        self.users: Any = None  # the process of plain users, in a trial of theirs
        self.engine: Any = None  # while None, `ending` says why
        self.ending = ""
        self.started = 0.0
        runner.register_message("lab_prepare", self.on_prepare)
        runner.register_message("lab_go", self.on_go)
        runner.register_message("lab_finish", self.on_finish)
        runner.register_message("lab_abort", self.on_abort)
        runner.environment.events.report_to_master.add_listener(self.on_report)
        self.start_engine()

    # from the master

    def on_prepare(self, msg: Any, **_: Any) -> None:
        """Hand an order to the engine. The master never sends one while another is unfinished."""
        order = msg.data["order"]
        self.job = Job(msg.data["serial"], order["trial"], msg.data["label"])
        if order.get("driver"):
            self.start_users(self.job, order)
            self._tell({"prepare": order})
        elif self.engine is None:
            self._finish({"event": "failed", "error": self.ending})
        else:
            self._tell({"prepare": order})

    def on_go(self, msg: Any, **_: Any) -> None:
        if self.job is not None and self.job.serial == msg.data["serial"]:
            self._tell({"go": self.job.trial, "start_ns": msg.data["start_ns"]})

    def on_finish(self, msg: Any, **_: Any) -> None:
        """End a live load well, or a trial's hold; its last word follows."""
        if (job := self.job) is not None and job.serial == msg.data["serial"]:
            self._tell({"finish": job.trial})
            job.late = min(job.late, max(job.due, time.monotonic()) + LATE_S)

    def on_abort(self, msg: Any, **_: Any) -> None:
        """Ask the engine to let go; kill it when it does not. The master waits for one answer."""
        if self.job is None or self.job.serial != msg.data["serial"]:
            return  # it has ended meanwhile, and the master knows
        self._tell({"abort": self.job.trial})
        gevent.spawn_later(ABORT_GRACE_S, self._insist, self.job)

    def on_report(self, data: dict[str, Any], **_: Any) -> None:
        """Put the engine's process id into each regular report, where the master reads it."""
        data[ENGINE] = self.engine.pid if self.engine else None

    # the engine

    @property
    def speaker(self) -> Any:
        """The process that is in the trial."""
        return self.users or self.engine

    def start_engine(self) -> None:
        """Start the engine and the greenlet that reads it, and tell the master its process id."""
        self.engine = Popen(engine_command(), stdin=PIPE, stdout=PIPE, bufsize=PIPE_BYTES)
        self.started = time.monotonic()
        gevent.spawn(self._listen, self.engine)
        handover.send_stats(self.runner)

    def _listen(self, engine: Any) -> None:
        """Read events until the engine ends; then report its death and start the next one."""
        self._read(engine)
        self.engine, self.ending = None, f"load engine {_ending(engine.wait())}"
        log.warning("%s: pid %d", self.ending, engine.pid)
        if self.job is not None and not self.job.driver:
            self._finish({"event": "failed", "error": self.ending})
        _close(engine)
        if time.monotonic() - self.started < HEALTHY_S:
            gevent.sleep(RESTART_PAUSE_S)
        self.start_engine()

    # plain Locust users

    def start_users(self, job: Job, order: dict[str, Any]) -> None:
        """Start their process, and the greenlets that read it and look at the clock."""
        driver = order["driver"]
        job.driver = driver["locustfile"] if isinstance(driver, dict) else driver
        job.lasts, job.hold = sum(order["timing"].values()), order.get("hold", 0.0)
        job.late = time.monotonic() + LOAD_S
        environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
        self.users = Popen(USERS, stdin=PIPE, stdout=PIPE, bufsize=PIPE_BYTES, env=environment)
        gevent.spawn(self._hear_users, self.users, job)
        gevent.spawn(self._time_users, self.users, job)

    def _hear_users(self, users: Any, job: Job) -> None:
        """Read events until the process ends: behind its trial, or inside, which fails it."""
        self._read(users)
        ending = _ending(users.wait())
        if self.job is job:
            self._finish({"event": "failed", "error": f"{_whose(job)} {ending}"})
        _close(users)

    def _time_users(self, users: Any, job: Job) -> None:
        """Kill a process that is late: users that never yield hear nothing."""
        while users.poll() is None and (left := job.late - time.monotonic()) > 0:
            gevent.sleep(min(left, LATE_S / 10))
        if users.poll() is None:
            log.warning("plain users of trial %s: killing pid %d", job.trial, users.pid)
            users.kill()
            if self.job is job:
                what = "end in time" if job.due else "get ready in time"
                why = f"{_whose(job)} did not {what}, and were killed: does each of them yield?"
                self._finish({"event": "failed", "error": why})

    # both

    def _read(self, speaker: Any) -> None:
        try:
            for line in speaker.stdout:
                self._on_line(speaker, line)
        except Exception:  # whatever an engine writes fails its trial, never the worker
            log.exception("load engine %d: unreadable, killing it", speaker.pid)
            speaker.kill()

    def _on_line(self, speaker: Any, line: bytes) -> None:
        event = json.loads(line)
        job = self.job
        if job is None or speaker is not self.speaker or event.get("trial") != job.trial:
            log.warning("late event %s of trial %s dropped", event["event"], event.get("trial"))
        elif event["event"] == "delta":
            edges = (event["began"], event["ended"])
            for kind, delta in event["classes"].items():
                handover.merge(self.runner.stats, kind, job.label, delta, edges)
        elif event["event"] in LAST_EVENTS:
            self._finish(event)
        else:
            if event["event"] == "live":
                handover.send_stats(self.runner)  # Locust's page is as fresh as the lab's
            elif event["event"] == "started":
                job.due = time.monotonic() + job.lasts
                job.late = job.due + job.hold + LATE_S
            self.runner.send_message(EVENT, {**event, "serial": job.serial})

    def _finish(self, event: dict[str, Any]) -> None:
        """Send the statistics, then the last word of this trial."""
        job, self.job = self.job, None
        users, self.users = self.users, None
        assert job is not None
        handover.send_stats(self.runner)
        told = {"serial": job.serial, "trial": job.trial}
        if event["event"] == "done":
            text = json.dumps(event["result"], separators=(",", ":"))  # the master passes it on
            self.runner.send_message(RECORD, {**told, "result": text})
        else:
            self.runner.send_message(EVENT, {**told, **event})
        if users is not None:
            job.late = time.monotonic() + ABORT_GRACE_S
            with contextlib.suppress(OSError):
                users.stdin.close()  # they end with it

    def _insist(self, job: Job) -> None:
        if self.job is job and self.speaker is not None:
            log.warning("load engine %d does not abort, killing it", self.speaker.pid)
            self.speaker.kill()

    def _tell(self, command: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):  # it is dead: _listen() will say so
            self.speaker.stdin.write(json.dumps(command).encode() + b"\n")
            self.speaker.stdin.flush()


def _whose(job: Job) -> str:
    """Name plain users, for people."""
    return f"users of {job.driver}" if os.sep in job.driver else "plain Locust users"


def _ending(code: int) -> str:
    if code < 0:
        return f"died (signal {signal.Signals(-code).value})"
    return f"died (exit code {code})"


def _close(process: Any) -> None:
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # closing flushes what a dead engine did not read
            pipe.close()
