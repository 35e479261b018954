"""Runs probes: three times each, every time in a fresh process, with a deadline.

Most probes sleep most of their time, so a few run at once. Records are kept in the plan's order,
whichever ends first.
"""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, NamedTuple, Protocol

from lab import lacks
from lab.model import Plan
from lab.probes import NOTHING, SKIPPED, Evidence, judge
from lab.store import ProbeRecord, Run

DEADLINE_S = 60.0
AT_ONCE = 3  # probes; each is one short-lived interpreter that mostly waits
UNREAD = "it printed no evidence"


class Notes(Protocol):
    """Whoever is told."""

    def note(self, text: str) -> None:
        """Say something once."""


class Task(NamedTuple):
    """One repeat of one probe."""

    claim: str
    probe: str
    repeat: int


def run_all(plan: Plan, kept: Run, label: str, notes: Notes) -> None:
    """Run the plan's probes, one record per repeat, stored as soon as it is its turn.

    A probe whose claim needs what this machine has not is left out.
    """
    absent = kept.facts().absent
    tasks = [
        Task(run.claim, run.probe, repeat)
        for run in plan.probes
        for repeat in range(run.repeats)
        if lacks.claim(run.claim) not in absent
    ]
    for task, record in zip(tasks, _records(tasks, label), strict=True):
        if task.repeat == 0:
            repeats = sum(other.claim == task.claim for other in tasks)
            notes.note(f"probe {task.probe}, {repeats} times")
        kept.append("probes.jsonl", record.model_dump_json())


def run_one(claim: str, name: str, repeat: int, label: str) -> ProbeRecord:
    """Run one probe once. Whatever happens in it, a record comes out."""
    return Probes(label).record(Task(claim, name, repeat))


def _records(tasks: list[Task], label: str) -> Iterator[ProbeRecord]:
    """Run the tasks, a few at once; what ends the run early ends the probes as well."""
    probes = Probes(label)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            yield from pool.map(probes.record, tasks)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            probes.kill()


class Fresh:
    """Programs of ours in processes of their own, which say one JSON object.

    Each leads a session, and is killed with all in it. module: what runs them by name.
    """

    module = "lab.probes"
    deadline_s = DEADLINE_S

    def __init__(self, label: str) -> None:
        self.label = label
        self._running: set[subprocess.Popen[bytes]] = set()

    def kill(self) -> None:
        for process in tuple(self._running):
            os.killpg(process.pid, signal.SIGKILL)  # not reaped yet: nobody else has its number

    def say(self, name: str) -> tuple[dict[str, Any], str]:
        """Return what a program says, and why it says nothing."""
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as errors:
            code = self._run(name, said, errors)
            last = (_text(errors).strip().splitlines() or ["no last words"])[-1]
            if code is None:
                return {}, f"no answer within {self.deadline_s:g} s"
            if code:
                return {}, f"ended with {code}: {last}"
            try:
                found = json.loads(_text(said))
            except ValueError:
                return {}, f"{UNREAD}: {last}"
        return (found, "") if isinstance(found, dict) else ({}, f"{UNREAD}: {last}")

    def _run(self, name: str, said: IO[bytes], errors: IO[bytes]) -> int | None:
        """Run a program to its end. Returns its exit code; None: it had to be killed."""
        process = subprocess.Popen(
            [sys.executable, "-m", self.module, name],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=errors,
            start_new_session=True,
            env={**os.environ, "LAB_RUN": self.label},
        )
        self._running.add(process)
        descriptor = os.pidfd_open(process.pid)
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)  # readable when it has ended, pidfd_open(2)
        in_time = bool(poller.poll(self.deadline_s * 1000))
        os.close(descriptor)
        self._running.discard(process)
        os.killpg(process.pid, signal.SIGKILL)  # what it has left behind, or itself
        code = process.wait()
        return code if in_time else None


class Probes(Fresh):
    """Probes, each to its record."""

    def record(self, task: Task) -> ProbeRecord:
        said, error = self.say(task.probe)
        evidence: Evidence = {str(key): str(value) for key, value in said.items()}
        ruling = NOTHING if error or SKIPPED in evidence else judge(task.probe, evidence)
        return ProbeRecord(
            claim=task.claim,
            probe=task.probe,
            repeat=task.repeat,
            outcome=ruling.holds,
            control=ruling.control,
            evidence=evidence,
            error=error,
            parts=ruling.parts,
        )


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
