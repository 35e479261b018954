"""One run from the command line's wishes to a stored report: the wiring of all parts.

The life-cycle: plan, check the machine, write plan and facts, start Locust, probes, trials, stop
Locust, analyse, render. From the moment anything was started, every way out (an error, Ctrl-C,
SIGTERM) ends it again: only processes that carry this run's label, and all of them.
"""

import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from lab import (
    analysis,
    ground,
    guests,
    host,
    planning,
    possible,
    store,
)
from lab.backends import leftovers
from lab.backends.site import SITES, Site
from lab.config import Lab
from lab.errors import EnvironmentUnfit
from lab.host import Placement
from lab.interrupts import Interrupted, interruptible
from lab.job import Job, Watcher, label, work
from lab.model import Plan
from lab.planning import Planned
from lab.report.model import Results
from lab.wishes import Wishes, agree, shown

NOWHERE = Placement(-1, -1, -1)  # nothing is pinned


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
            work(Job(wishes, lab, plan, place, kept, watcher, site))
        how = "finished"
    except Interrupted as interrupted:
        exit_code, how = interrupted.exit_code, "interrupted"
        watcher.note(f"{interrupted}: stopped; what was finished is reported.")
    finally:
        os.sched_setaffinity(0, affinity)
        leftovers.remove([one for one in leftovers.leftovers() if one.run == label(kept)])
        kept.write_facts(kept.facts().model_copy(update={"ended_unix": time.time(), "how": how}))
    return Finished(kept, analysis.conclude(kept, "holm" if wishes.strict else "bh"), exit_code)


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
