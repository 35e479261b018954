"""Can this machine run this plan? Pure checks on facts; `lab doctor` prints them, `lab run` obeys.

A check that fails names what is missing, what for, and what to do about it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lab.budget import Machine, Place, dearest
from lab.model import Cell
from servers.catalog import SERVERS

HERE = Place()


@dataclass(frozen=True)
class Check:
    """One line of `lab doctor`. need: what it would take; "" where nothing is wrong."""

    name: str
    ok: bool
    found: str
    need: str = ""
    fatal: bool = True


def check(machine: Machine, cells: list[Cell], place: Place = HERE) -> list[Check]:
    """Hold the machine against the cells of a plan: its CPUs, and its budget of all else."""
    return [
        Check(
            "CPUs",
            machine.cpus >= 2,
            str(machine.cpus),
            "Two at least: server and load engine need a core each. "
            "Start the lab on a machine, or with a taskset, of two CPUs or more.",
        ),
        *(
            Check(
                line.what,
                line.ok,
                f"{line.have:,}",
                f"{line.cell} needs {line.need:,}. {line.mend}",
            )
            for line in dearest(cells, machine, place)
            if line.fatal
        ),
    ]


def absent(servers: Iterable[str], missing: Callable[[str], str]) -> dict[str, str]:
    """Return the servers that cannot run here, each with the reason. missing: what a need lacks."""
    found = {name: missing(SERVERS[name].needs) for name in dict.fromkeys(servers)}
    return {name: why for name, why in found.items() if why}


def servers(missing: Callable[[str], str]) -> list[Check]:
    """Say which servers of the catalog cannot run here: a skip, with its reason in every result."""
    lacking = absent(SERVERS, missing)
    checks = [
        Check(name, ok=False, found="cannot run here", need=f"{why}: skipped.", fatal=False)
        for name, why in lacking.items()
    ]
    found = f"{len(SERVERS) - len(lacking)} of {len(SERVERS)} can run here"
    return [Check("servers", ok=True, found=found), *checks]


def tools(machine: Machine) -> list[Check]:
    """Say which optional tools are there."""
    return [
        Check("chromium", machine.chromium, _there(machine.chromium), "browser tests", fatal=False),
    ]


def _there(found: bool) -> str:
    return "found" if found else "not found"


def unfit(checks: list[Check]) -> list[str]:
    """Return one line for each check that forbids the run."""
    return [f"{c.name}: {c.found}. {c.need}" for c in checks if not c.ok and c.fatal]
