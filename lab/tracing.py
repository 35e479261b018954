"""Traced trials: a server under strace, from its start to its end. Effects.

strace starts the server, so it needs no right but that over its own child; with -DDD the tracer is
a process beside it, in a session of its own: the server stays the lab's direct child, with the
process id, signals and meter of any other trial (strace(1)). It traces all calls, whole lines
([decision 11](../docs/decisions/0011-mechanism-from-full-traces.md)).
"""

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from lab.backends.contract import READ, Backend, StartFailed, StartOptions, WrongAnswer
from lab.backends.process import ProcessBackend, ProcessTarget, pin
from lab.host import Placement
from lab.measure import completed_between
from lab.mechanism import Counts, Ledger, read
from lab.model import Cell, Plan, Trial
from lab.record import Record
from lab.replies import Canonical
from lab.seams import Stage
from lab.traced import bounded
from lab.trial import run_trial
from servers.catalog import PROTOCOLS, SERVERS

Hear = Callable[[bytes], bytes]

STRACE = "strace"
OPTIONS = (
    "-DDD",  # the tracer: not the server's parent, group or session
    "-f",  # threads and children too
    "-ttt",  # Unix time, microseconds
    "-T",  # how long each call took: it counts when it came back
    "-s0",  # no payload
    "-eraw=?select,pselect6",  # else each line names every descriptor of its sets
)
END_S = 10.0  # for strace to write the rest and go, once the server has ended
CLIENTS = 4  # of trace_family, or as many as the server serves at once
QUESTIONS = 40  # of trace_family, over all clients
SILENCE_S = 0.3  # of trace_family: who polls instead of waiting shows it when nobody speaks
LEAST = 10  # requests: fewer say nothing


class Watcher(Protocol):
    """Whoever watches the run."""

    def trial(self, number: int, total: int, label: str, left_s: float) -> None:
        """A trial begins."""

    def note(self, text: str) -> None:
        """Say something once."""


@dataclass
class TracedBackend:
    """Starts local processes under strace. `trace` is whole once `finish` has returned.

    local: who starts them without it.
    """

    trace: Path
    local: Backend = field(default_factory=ProcessBackend)
    tracer: int | None = field(default=None, init=False)  # descriptor of the strace process

    def start(self, server: str, protocol: str, options: StartOptions) -> ProcessTarget:
        """Return when the server listens and is traced. Raises StartFailed.

        It is killed, never asked to end, for nobody times its end: a traced main thread is mostly
        stopped, so that the kernel hands SIGTERM to another thread.
        """
        self.finish()
        wrapped = replace(options, wrapper=(STRACE, *OPTIONS, "-o", str(self.trace), "--"))
        target = self.local.start(server, protocol, wrapped)
        assert isinstance(target, ProcessTarget), "a container is not traced"
        target.only_killed = True
        tracer = _tracer(target.pid)
        if not tracer:
            said = target.kill().stderr.strip().splitlines()
            raise StartFailed(f"strace does not trace: {said[-1] if said else 'it said nothing'}")
        self.tracer = os.pidfd_open(tracer)
        if options.cpu is not None:
            pin(tracer, options.cpu)  # one of the two runs at a time; the load keeps its CPU
        return target

    def finish(self) -> None:
        """Wait until strace has written all of an ended server, and has gone."""
        if self.tracer is None:
            return
        poller = select.poll()
        poller.register(self.tracer, select.POLLIN)  # readable when it has ended, pidfd_open(2)
        if not poller.poll(END_S * 1000):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.tracer, signal.SIGKILL)
        os.close(self.tracer)
        self.tracer = None

    def counts(self, start_ns: int, end_ns: int, offset_ns: int) -> Counts:
        """Read the trace between two instants. offset_ns: Unix time less the lab's clock."""
        self.finish()
        edges = ((edge + offset_ns) // 1000 for edge in (start_ns, end_ns))
        with self.trace.open(encoding="utf-8", errors="replace") as lines:
            return read(lines, *edges)


def _tracer(pid: int) -> int:
    """Return the process that traces pid; 0: none."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = re.search(r"^TracerPid:\s+(\d+)", status, re.MULTILINE)
    return int(found[1]) if found else 0


def obstacle() -> str:
    """Say why nothing can be traced here; "" where it can. Tries it on the `true` command."""
    if shutil.which(STRACE) is None:
        return "strace is not installed. Install the package strace."
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        trace = Path(folder, "trace")
        command = [STRACE, *OPTIONS, "-o", str(trace), "true"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"strace does not run: {error}"
        if trace.exists() and "execve(" in trace.read_text(errors="replace"):
            return ""
    said = done.stderr.strip().splitlines()
    why = said[-1] if said else f"exit code {done.returncode}"
    return (
        f"strace may not trace here ({why}). In a container, allow ptrace (--cap-add SYS_PTRACE)."
    )


@contextmanager
def _scratch() -> Iterator[Path]:
    """Hold a place for one trace; it may take tens of megabytes, and nobody reads it twice."""
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        yield Path(folder, "trace")


def run_all(
    plan: Plan,
    place: Placement,
    stage: Stage,
    skipped: set[str],
    store: Callable[[Ledger], None],
    watcher: Watcher,
    local: Backend | None = None,
    reasons: Mapping[str, str] | None = None,
) -> None:
    """Trace every planned trial and store its ledger, or store the reason why there is none.

    skipped: cells whose server cannot run here. local: who starts local processes. reasons: cells
    that run and cannot be traced, and why.
    """
    not_here = reasons or {}
    for trial in plan.traced:
        if trial.cell in not_here:
            store(_ledger(trial, plan.cell(trial.cell), error=not_here[trial.cell]))
    trials = [t for t in plan.traced if t.cell not in skipped and t.cell not in not_here]
    if not trials:
        return
    why = obstacle()
    if why:
        watcher.note(f"no mechanism ledger: {why}")
        for trial in trials:
            store(_ledger(trial, plan.cell(trial.cell), error=why))
        return
    watcher.note(f"tracing system calls: {len(trials)} trials, not timed")
    for number, trial in enumerate(trials, 1):
        watcher.trial(number, len(trials), f"{trial.cell} under strace", 0.0)
        ledger = trace_trial(trial, plan.cell(trial.cell), place, stage, local)
        if ledger.error:
            watcher.note(f"no ledger of {trial.id}: {ledger.error.strip().splitlines()[-1]}")
        store(ledger)


def trace_trial(
    trial: Trial, cell: Cell, place: Placement, stage: Stage, local: Backend | None = None
) -> Ledger:
    """Run one trial under strace and load that a traced server can bear. Nothing of it is timed."""
    slow = bounded(cell)
    with _scratch() as path:
        backend = TracedBackend(path, local or ProcessBackend())
        traced = replace(stage, backend=backend)
        try:
            record = run_trial(trial, slow, 0, place, traced)
            offset_ns = int(stage.clock.unix() * 1e9) - stage.clock.now_ns()
            return _conclude(trial, slow, record, backend, offset_ns)
        finally:
            backend.finish()


def _conclude(
    trial: Trial, cell: Cell, record: Record, backend: TracedBackend, offset_ns: int
) -> Ledger:
    if record.error or not record.engines:
        return _ledger(trial, cell, error=record.error or "the load engine reported nothing")
    start_ns, end_ns = record.engines[0].window
    requests = completed_between(record.engines, start_ns, end_ns)
    if requests < LEAST:
        return _ledger(trial, cell, error=f"only {requests:.0f} requests were completed")
    return Ledger(
        trial=trial.id,
        cell=cell.id,
        server=cell.server,
        load=cell.load,
        window_s=(end_ns - start_ns) / 1e9,
        requests=requests,
        counts=backend.counts(start_ns, end_ns, offset_ns),
    )


def _ledger(trial: Trial, cell: Cell, error: str) -> Ledger:
    load = bounded(cell).load
    return Ledger(trial=trial.id, cell=cell.id, server=cell.server, load=load, error=error)


def trace_family(server: str, protocol: str, options: StartOptions | None = None) -> Ledger | str:
    """Trace a server under a handful of clients of our own, for about a second; no Locust.

    Hand the ledger to `lab.mechanism.contradiction`. Returns the reason where nothing can be
    traced here, or where the server does not start or answer. server: of the catalog, or dotted.
    """
    why = obstacle()
    if why:
        return why
    with _scratch() as path:
        backend = TracedBackend(path)
        try:
            with backend.start(server, protocol, options or StartOptions()) as target:
                start_ns, end_ns = _talk(target, server, protocol)
        except (StartFailed, WrongAnswer, OSError) as error:
            return str(error)
        finally:
            backend.finish()
        offset_ns = time.time_ns() - time.monotonic_ns()
        counts = backend.counts(start_ns, end_ns, offset_ns)
    return Ledger(
        trial=f"{server}.{protocol}",
        cell=f"{server}/{protocol}",
        server=server,
        window_s=(end_ns - start_ns) / 1e9,
        requests=QUESTIONS,
        counts=counts,
    )


def _talk(target: ProcessTarget, server: str, protocol: str) -> tuple[int, int]:
    """Ask QUESTIONS questions, client by client, and be silent a while. Returns the window."""
    known = SERVERS.get(server)
    most = known.clients(StartOptions().workers) if known else 0
    spoken = PROTOCOLS[protocol]
    with ExitStack() as stack:
        clients: list[tuple[socket.socket, Hear]] = []
        for _ in range(min(CLIENTS, most or CLIENTS)):
            client = stack.enter_context(socket.create_connection(target.address, 5.0))
            hear = bytes if target.exact else Canonical().feed
            _exchange(client, hear, spoken.hello, spoken.welcome)
            _exchange(client, hear, spoken.question, spoken.answer)
            clients.append((client, hear))
        start_ns = time.monotonic_ns()
        for number in range(QUESTIONS):
            _exchange(*clients[number % len(clients)], spoken.question, spoken.answer)
        time.sleep(SILENCE_S)
        return start_ns, time.monotonic_ns()


def _exchange(client: socket.socket, hear: Hear, question: bytes, answer: bytes) -> None:
    """Ask, and take the whole answer; that it is the right one, others examine."""
    client.sendall(question)
    found = b""
    while len(found) < len(answer):
        data = client.recv(READ)
        if not data:
            raise WrongAnswer(f"hung up behind {found!r}")
        found += hear(data)
