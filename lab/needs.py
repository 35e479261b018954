"""What a claim needs of a machine, and what it would take where that is missing.

`Here` is what this machine has, looked at once; `lacking` is pure. A claim that lacks something is
skipped, never guessed, and its cells are neither checked nor run.
"""

import importlib.util
import os
import resource
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab import lacks
from lab.cells import needed_by
from lab.claims import Claim, Needs
from lab.model import Cell, Plan
from lab.schema import Lab
from servers.needs import missing

FRAMEWORKS = ("tornado", "twisted", "fastapi", "uvicorn", "django", "sanic")


@dataclass(frozen=True)
class Here:
    """What a machine has. absent: says why a feature or a Python module is not here; "": it is."""

    cpus: int
    nofile: int
    absent: Callable[[str], str]


def look(nofile: int | None = None) -> Here:
    """Look at this machine. nofile: where servers have a lower limit than here."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = hard if nofile is None else min(hard, nofile)
    return Here(len(os.sched_getaffinity(0)), limit, absent)


def absent(what: str) -> str:
    """Say why a feature or a module is not here; "": it is."""
    if what == "strace":
        from lab.tracing import obstacle  # noqa: PLC0415 # with all that traces

        why = obstacle()
        return f"strace: {why}" if why else ""
    if what == "free-threaded":
        if sysconfig.get_config_var("Py_GIL_DISABLED"):
            return ""
        return "a build of Python without the global interpreter lock (python3.13t or later)"
    if what == "frameworks":
        gone = [name for name in FRAMEWORKS if importlib.util.find_spec(name) is None]
        return f"the Python modules {', '.join(gone)}" if gone else ""
    if what == "io_uring":
        why = missing("io_uring")
        return f"io_uring, Linux 6.1 or later ({why})" if why else ""
    return missing(what)


def lacking(claim: Claim, here: Here) -> str:
    """Say what it would take to decide a claim; "": this machine can."""
    needs = claim.needs or Needs()
    wanted = []
    if here.cpus < needs.cpus:
        wanted.append(f"{needs.cpus} CPUs, and there are {here.cpus}")
    if here.nofile < needs.nofile:
        wanted.append(
            f"{needs.nofile} open files, and the hard limit is {here.nofile} "
            f"(ulimit -Hn {needs.nofile})"
        )
    wanted += [why for name in (*needs.features, *needs.modules) if (why := here.absent(name))]
    return f"it takes {'; '.join(wanted)}" if wanted else ""


def lacked(lab: Lab, plan: Plan, here: Here) -> dict[str, str]:
    """Return the claims of a plan that cannot be decided here: what -> why, see lab.lacks."""
    found = {name: lacking(lab.claims[name], here) for name in plan.claims if _asks(lab, name)}
    return {lacks.claim(name): why for name, why in found.items() if why}


def wanted(lab: Lab, plan: Plan, lacked: Mapping[str, str]) -> list[Cell]:
    """Return the cells of a plan without those that only such claims stand on."""
    by_claim = {name: set(needed_by(lab, plan.profile, name)) for name in plan.claims}
    idle = {name for name in plan.claims if lacks.claim(name) in lacked}
    kept = set().union(*(cells for name, cells in by_claim.items() if name not in idle))
    gone = set().union(*(by_claim[name] for name in idle)) - kept
    return [cell for cell in plan.cells if cell.id not in gone]


def _asks(lab: Lab, name: str) -> bool:
    return lab.claims[name].needs is not None
