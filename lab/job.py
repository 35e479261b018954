"""What a run does between its plan and its analysis: probes, programs, trials, searches, traces.

Locust is up for the trials and nothing else. Whoever calls `work` ends what it leaves behind.
"""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from lab import ground, guests, lacks, probing, programs, store, tracing
from lab.backends import locusts
from lab.backends.attached_locust import AttachedLoad, ElsewhereHost, NoPins
from lab.backends.contract import Backend
from lab.backends.process import ProcessBackend
from lab.backends.site import Site
from lab.config import Lab
from lab.data import Data
from lab.engine import Progress, Walk
from lab.forecast import trial_seconds
from lab.ground import Ground
from lab.host import Placement
from lab.judging import still_needed
from lab.model import Plan
from lab.own_servers import images, not_held
from lab.record import Record
from lab.seams import Stage
from lab.search import searching
from lab.stage import Conducting, Pins, RealClock, RealHost, StandingLoad
from lab.telling import Telling
from lab.verify import Pair, must_conform, verified
from lab.wishes import Wishes

IN_IMAGE = "it is an image, and calls are traced in local processes"
STOP_S = 2.0  # for Locust to end well when all went well or not: Ctrl-C has 5 s in all


class Watcher(Progress, Protocol):
    """The display: a context manager that also takes free notes."""

    def note(self, text: str) -> None:
        """Say something once."""


@dataclass(frozen=True)
class Job:
    """What was wished for, planned, found and begun."""

    wishes: Wishes
    lab: Lab
    plan: Plan
    place: Placement
    kept: store.Run
    watcher: Watcher
    site: Site

    @property
    def label(self) -> str:
        return label(self.kept)

    @property
    def absent(self) -> dict[str, str]:
        """What cannot run here, and why."""
        return self.kept.facts().absent

    @property
    def pairs(self) -> list[Pair]:
        """Every server with the protocol it is asked in."""
        return list(dict.fromkeys((cell.server, cell.protocol) for cell in self.plan.every_cell))


def label(kept: store.Run) -> str:
    """Return the label of everything this run starts: the run, and the process that owns it."""
    return f"{kept.id}@{os.getpid()}"


def work(job: Job) -> None:
    """Do it all, in order. Raises LabError where it cannot go on."""
    plan, kept, watcher = job.plan, job.kept, job.watcher
    probing.run_all(plan, kept, job.label, watcher)
    programs.run_all(plan, kept, job.label, watcher)
    if not plan.trials and not plan.searches:
        return
    with job.site.open(job.label) as backend:
        start = job.site.conduct or _conducting(job, backend)
        watched = _with_own(job, backend)
        if job.wishes.verify:
            ours = [pair for pair in job.pairs if pair[0] not in job.lab.servers]
            watched = verified(watched, ours, job.label, watcher.note)
        watcher.note("looking for Locust" if job.site.away else "starting Locust")
        conducting = start()
        try:
            _under_load(job, watched, conducting)
        finally:
            conducting.stop(STOP_S)


def _with_own(job: Job, backend: Backend) -> Backend:
    """Return a backend that starts the servers of lab.yaml, too; they are examined before that."""
    servers, folder = job.lab.servers, job.wishes.lab_file.parent
    started = ground.with_own(backend, servers, folder, job.wishes.backend)
    here = servers.keys() - job.absent.keys()
    own = [pair for pair in job.pairs if pair[0] in here]
    if own and started is not backend:
        must_conform(own, Ground(started, servers, folder), job.label, job.watcher.note)
        for line in not_held(servers, [name for name, _ in own]):
            job.watcher.note(line)
    return started


def _conducting(job: Job, backend: Backend) -> Callable[[], Conducting]:
    """Return what starts Locust: here, or in containers beside the servers."""
    wishes = job.wishes
    targets = [*job.lab.allow_targets, *getattr(backend, "targets", ())]  # whom load may reach
    given: dict[str, Any] = {
        "targets": targets,
        "workers": wishes.workers,
        "web_port": wishes.web_port,
        "label": job.label,
        "log_dir": job.kept.directory,
    }
    if wishes.locust == "process":
        run = guests.files(job.plan.every_cell, wishes.lab_file.parent)
        return partial(locusts.start, csv=True, locustfiles=run, **given)
    from lab.backends import locust_containers  # noqa: PLC0415 # with the Docker SDK
    from lab.backends.docker import DockerBackend  # noqa: PLC0415

    assert isinstance(backend, DockerBackend), "prepare() has seen to it"
    return partial(locust_containers.start, backend.client, backend.network, **given)


def _page(wishes: Wishes, conducting: Conducting) -> str:
    """Return a link to it: in a container others could come, so it wants the token once."""
    token = getattr(conducting, "token", "") if wishes.locust == "docker" else ""
    return f"{conducting.url}/?token={token}" if token else conducting.url


def _under_load(job: Job, backend: Backend, conducting: Conducting) -> None:
    """All trials, all searches, then the traces."""
    client, away = conducting.client(), job.site.away
    client.start_test()
    job.watcher.note(f"Locust's page: {_page(job.wishes, conducting)}")
    for what, why in job.absent.items():
        job.watcher.note(f"{what} is skipped: {why}")
    stage = Stage(
        backend=backend,
        load=(AttachedLoad if away else StandingLoad)(conducting, client),
        host=ElsewhereHost() if away else RealHost(lambda: conducting.pids),
        clock=RealClock(),
        run_id=job.label,
        host_digest=job.kept.facts().host,
        away=away,
        folder=job.wishes.lab_file.parent,
    )
    pin = (NoPins() if away else Pins(conducting)).pin
    data = Data(job.plan, ())
    telling = Telling(client, job.kept, job.lab, job.plan, data)
    _walk(job, stage, data, telling, pin)
    searching.run_all(job.lab, job.plan, stage, job.place, job.kept, job.watcher, pin)
    telling.conclude()
    pin(job.place)
    _trace(job, stage)


def _walk(
    job: Job, stage: Stage, data: Data, telling: Telling, pin: Callable[[Placement], None]
) -> None:
    plan, absent = job.plan, job.absent
    budget_s = job.wishes.budget_s
    over = math.inf if budget_s is None else job.kept.facts().started_unix + budget_s

    def keep(record: Record) -> None:
        job.kept.add(record)
        data.add(record)

    def needed(name: str, block: int) -> set[str]:
        if block:
            telling.look(name)
        if block >= max(plan.looks) and time.time() > over:
            return set()  # what was planned has run; beyond it, time is up
        return still_needed(job.lab, plan, data, name, block, absent)

    Walk(
        plan=plan,
        stage=stage,
        place=job.place,
        store=keep,
        progress=job.watcher,
        needed=needed,
        seconds=lambda trial: trial_seconds(plan.cell(trial.cell)),
        pin=pin,
    ).run()


def _trace(job: Job, stage: Stage) -> None:
    """Trace what was asked for: in local processes, wherever the trials ran."""
    plan, wishes, servers, absent = job.plan, job.wishes, job.lab.servers, job.absent
    if plan.traced and wishes.locust != "process":
        job.watcher.note("no mechanism ledger: that Locust reaches no local process")
        return
    if plan.traced and wishes.backend != "process":
        job.watcher.note("system calls are traced in local processes, not in containers")
    inside = images(servers)
    reasons = {cell.id: IN_IMAGE for cell in plan.cells if cell.server in inside}
    skipped = {cell.id for cell in plan.cells if lacks.of_cell(cell, absent)}
    local = ground.with_own(ProcessBackend(), servers, wishes.lab_file.parent, "process")
    keep = job.kept.add_ledger
    tracing.run_all(plan, job.place, stage, skipped, keep, job.watcher, local, reasons)
