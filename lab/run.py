"""One run from the command line's wishes to a stored report: the wiring of all parts.

The life-cycle: plan, check the machine, write plan and facts, start Locust, probes, trials, stop
Locust, analyse, render. From the moment anything was started, every way out (an error, Ctrl-C,
SIGTERM) ends it again: only processes that carry this run's label, and all of them.
"""

import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from lab import (
    analysis,
    ground,
    guests,
    host,
    lacks,
    planning,
    possible,
    probing,
    programs,
    store,
    tracing,
)
from lab.backends import leftovers, locusts
from lab.backends.attached_locust import AttachedLoad, ElsewhereHost, NoPins
from lab.backends.contract import Backend
from lab.backends.process import ProcessBackend
from lab.backends.site import SITES, Site
from lab.config import Lab
from lab.data import Data
from lab.engine import Progress, Walk
from lab.errors import EnvironmentUnfit
from lab.forecast import trial_seconds
from lab.ground import Ground
from lab.host import Placement
from lab.interrupts import Interrupted, interruptible
from lab.judging import still_needed
from lab.model import Plan
from lab.own_servers import images, not_held
from lab.planning import Planned
from lab.record import Record
from lab.report.model import Results
from lab.seams import Stage
from lab.search import searching
from lab.stage import Conducting, Pins, RealClock, RealHost, StandingLoad
from lab.telling import Telling
from lab.verify import Pair, must_conform, verified
from lab.wishes import Wishes, agree, shown

NOWHERE = Placement(-1, -1, -1)  # nothing is pinned
IN_IMAGE = "it is an image, and calls are traced in local processes"
STOP_S = 2.0  # for Locust to end well when all went well or not: Ctrl-C has 5 s in all


class Watcher(Progress, Protocol):
    """The display: a context manager that also takes free notes."""

    def note(self, text: str) -> None:
        """Say something once."""


@dataclass(frozen=True)
class Finished:
    """What came of it. exit_code: 0, or how it was interrupted."""

    run: store.Run
    results: Results
    exit_code: int


def _attached(wishes: Wishes, lab: Lab, plan: Plan) -> Site:
    from lab.backends import attach  # noqa: PLC0415 # for those who ask for it

    cells = plan.every_cell
    return attach.site(lab, cells, wishes.servers, wishes.locust, wishes.token, wishes.workers)


def prepare(wishes: Wishes) -> tuple[Planned, Placement, Site]:
    """Load, plan and check; nothing has begun. Raises UsageError, EnvironmentUnfit."""
    agree(wishes)
    site = None if wishes.backend == "attach" else SITES[wishes.backend]()
    found = planning.planned(wishes, site.nofile if site else None)
    lab, plan = found.lab, found.plan
    guests.examine(plan, wishes)
    if site is None:
        return found, NOWHERE, _attached(wishes, lab, plan)
    problems = possible.problems(
        wishes.lab_file,
        lab,
        planning.runnable(found),
        wishes.workers,
        wishes.backend,
        site.nofile,
        wishes.results,
    )
    if problems:
        raise EnvironmentUnfit("\n".join(problems))
    place = host.placement(host.usable_cpus())
    assert place is not None, "the check on CPUs has passed"
    return found, place, site


def run(wishes: Wishes, watcher: Watcher) -> Finished:
    """Run it all. Raises LabError where it could not go on; what was finished is stored."""
    found, place, site = prepare(wishes)
    lab, plan = found.lab, found.plan
    host.nofile()
    kept = _begin(wishes, found, site)
    for note in [*found.notes, *site.notes]:
        watcher.note(note)
    exit_code, how = 0, "failed"
    affinity = os.sched_getaffinity(0)
    try:
        with interruptible():
            _work(wishes, lab, plan, place, kept, watcher, site)
        how = "finished"
    except Interrupted as interrupted:
        exit_code, how = interrupted.exit_code, "interrupted"
        watcher.note(f"{interrupted}: stopped; what was finished is reported.")
    finally:
        os.sched_setaffinity(0, affinity)
        leftovers.remove([one for one in leftovers.leftovers() if one.run == label(kept)])
        kept.write_facts(kept.facts().model_copy(update={"ended_unix": time.time(), "how": how}))
    return Finished(kept, analysis.conclude(kept, "holm" if wishes.strict else "bh"), exit_code)


def label(kept: store.Run) -> str:
    """Return the label of everything this run starts: the run, and the process that owns it."""
    return f"{kept.id}@{os.getpid()}"


def _begin(wishes: Wishes, found: Planned, site: Site) -> store.Run:
    lab, plan = found.lab, found.plan
    now = datetime.now(UTC)
    kept = store.create(wishes.results, f"{now:%Y%m%d-%H%M%S}-{plan.profile}-{plan.seed}")
    machine = {**({} if site.away else host.facts()), **site.facts}
    if wishes.locust == "docker":
        machine["load"] = "from a container"
    used, folder = {cell.server for cell in plan.every_cell}, wishes.lab_file.parent
    absent = ground.absent(used, lab.servers, folder, wishes.backend, site.missing)
    ground.any_left(used, absent, lab.servers)
    absent |= site.absent(plan.every_cell) | found.lacked
    kept.write("plan.json", plan.model_dump_json(indent=1) + "\n")
    kept.write("lab.json", lab.model_dump_json(indent=1, by_alias=True) + "\n")
    kept.write_facts(
        store.RunFacts(
            id=kept.id,
            profile=plan.profile,
            seed=plan.seed,
            order=plan.order,
            backend=wishes.backend,
            command=["lab", *shown(sys.argv[1:])],
            started_unix=now.timestamp(),
            ended_unix=None,
            how="running",
            host=host.digest(machine),
            machine={
                **machine,
                **ground.facts(used - absent.keys(), lab.servers, folder, wishes.backend),
                **guests.facts(plan, folder),
            },
            version=host.code_version(),
            absent=absent,
            notes=[*found.notes, *site.notes],
            instances=site.instances,
        )
    )
    return kept


def _work(
    wishes: Wishes,
    lab: Lab,
    plan: Plan,
    place: Placement,
    kept: store.Run,
    watcher: Watcher,
    site: Site,
) -> None:
    probing.run_all(plan, kept, label(kept), watcher)
    programs.run_all(plan, kept, label(kept), watcher)
    if not plan.trials and not plan.searches:
        return
    with site.open(label(kept)) as backend:
        conducting = site.conduct or _conducting(wishes, lab, plan, kept, backend)
        watched = _with_own(wishes, lab, plan, kept, watcher, backend)
        if wishes.verify:
            ours = [pair for pair in _spoken(plan) if pair[0] not in lab.servers]
            watched = verified(watched, ours, label(kept), watcher.note)
        _trials(wishes, lab, plan, place, kept, watcher, watched, conducting, site)


def _spoken(plan: Plan) -> list[Pair]:
    return list(dict.fromkeys((cell.server, cell.protocol) for cell in plan.every_cell))


def _with_own(
    wishes: Wishes, lab: Lab, plan: Plan, kept: store.Run, watcher: Watcher, backend: Backend
) -> Backend:
    """Return a backend that starts the servers of lab.yaml, too; they are examined before that."""
    folder, absent = wishes.lab_file.parent, kept.facts().absent
    started = ground.with_own(backend, lab.servers, folder, wishes.backend)
    own = [pair for pair in _spoken(plan) if pair[0] in lab.servers.keys() - absent.keys()]
    if own and started is not backend:
        here = Ground(started, lab.servers, folder)
        must_conform(own, here, label(kept), watcher.note)
        for line in not_held(lab.servers, [name for name, _ in own]):
            watcher.note(line)
    return started


def _conducting(
    wishes: Wishes, lab: Lab, plan: Plan, kept: store.Run, backend: Backend
) -> Callable[[], Conducting]:
    """Return what starts Locust: here, or in containers beside the servers."""
    targets = [*lab.allow_targets, *getattr(backend, "targets", ())]  # whom the load may reach
    given: dict[str, Any] = {
        "targets": targets,
        "workers": wishes.workers,
        "web_port": wishes.web_port,
        "label": label(kept),
        "log_dir": kept.directory,
    }
    if wishes.locust == "process":
        run = guests.files(plan.every_cell, wishes.lab_file.parent)
        return partial(locusts.start, csv=True, locustfiles=run, **given)
    from lab.backends import locust_containers  # noqa: PLC0415 # with the Docker SDK
    from lab.backends.docker import DockerBackend  # noqa: PLC0415

    assert isinstance(backend, DockerBackend), "prepare() has seen to it"
    return partial(locust_containers.start, backend.client, backend.network, **given)


def _page(wishes: Wishes, conducting: Conducting) -> str:
    """Return a link to it: in a container others could come, so it wants the token once."""
    token = getattr(conducting, "token", "") if wishes.locust == "docker" else ""
    return f"{conducting.url}/?token={token}" if token else conducting.url


def _trials(
    wishes: Wishes,
    lab: Lab,
    plan: Plan,
    place: Placement,
    kept: store.Run,
    watcher: Watcher,
    backend: Backend,
    start: Callable[[], Conducting],
    site: Site,
) -> None:
    watcher.note("looking for Locust" if site.away else "starting Locust")
    conducting = start()
    try:
        client = conducting.client()
        client.start_test()
        watcher.note(f"Locust's page: {_page(wishes, conducting)}")
        data = Data(plan, ())
        absent = kept.facts().absent
        skipped = {cell.id for cell in plan.cells if lacks.of_cell(cell, absent)}
        for what, why in absent.items():
            watcher.note(f"{what} is skipped: {why}")

        def keep(record: Record) -> None:
            kept.add(record)
            data.add(record)

        stage = Stage(
            backend=backend,
            load=(AttachedLoad if site.away else StandingLoad)(conducting, client),
            host=ElsewhereHost() if site.away else RealHost(lambda: conducting.pids),
            clock=RealClock(),
            run_id=label(kept),
            host_digest=kept.facts().host,
            away=site.away,
            folder=wishes.lab_file.parent,
        )
        pins = NoPins() if site.away else Pins(conducting)
        telling = Telling(client, kept, lab, plan, data)

        over = math.inf if wishes.budget_s is None else kept.facts().started_unix + wishes.budget_s

        def needed(name: str, block: int) -> set[str]:
            if block:
                telling.look(name)
            if block >= max(plan.looks) and time.time() > over:
                return set()  # what was planned has run; beyond it, time is up
            return still_needed(lab, plan, data, name, block, absent)

        Walk(
            plan=plan,
            stage=stage,
            place=place,
            store=keep,
            progress=watcher,
            needed=needed,
            seconds=lambda trial: trial_seconds(plan.cell(trial.cell)),
            pin=pins.pin,
        ).run()
        searching.run_all(lab, plan, stage, place, kept, watcher, pins.pin)
        telling.conclude()
        pins.pin(place)
        if plan.traced and wishes.locust != "process":
            watcher.note("no mechanism ledger: that Locust reaches no local process")
            return
        if plan.traced and wishes.backend != "process":
            watcher.note("system calls are traced in local processes, not in containers")
        inside = images(lab.servers)
        reasons = {cell.id: IN_IMAGE for cell in plan.cells if cell.server in inside}
        local = ground.with_own(ProcessBackend(), lab.servers, wishes.lab_file.parent, "process")
        tracing.run_all(plan, place, stage, skipped, kept.add_ledger, watcher, local, reasons)
    finally:
        conducting.stop(STOP_S)
