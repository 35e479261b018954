"""Can this machine run this plan? Pure checks on facts; `lab doctor` prints them, `lab run` obeys.

A check that fails names what is missing, what for, and what to do about it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lab.model import Cell
from servers.catalog import SERVERS

ENGINE_SPARE = 64  # descriptors of the load engine beside its connections
SERVER_SPARE = 64
PORTS_SHARE = 0.8  # of the ephemeral ports; more slows connect() (docs/method.md)
TIME_WAIT_S = 60  # Linux: fixed (net/ipv4/tcp.h, TCP_TIMEWAIT_LEN)


@dataclass(frozen=True)
class Machine:
    """What the checks look at."""

    cpus: int
    nofile: int  # hard limit of open files of one process
    ports: int  # ephemeral ports per destination
    chromium: bool = False


@dataclass(frozen=True)
class Check:
    """One line of `lab doctor`. need: what it would take; "" where nothing is wrong."""

    name: str
    ok: bool
    found: str
    need: str = ""
    fatal: bool = True


def connections(cell: Cell) -> int:
    """Return the most connections that a cell holds at once."""
    return sum(load.connections for load in cell.load.values())


def short_connections(cell: Cell) -> float:
    """Return the ports that short connections take: all of one trial may wait in TIME_WAIT."""
    load = cell.load.get("short")
    if load is None:
        return 0
    seconds = cell.timing.warm_up + cell.timing.window + cell.timing.cool_down
    return min(seconds, TIME_WAIT_S) * (load.rate or 0)


def check(machine: Machine, cells: list[Cell]) -> list[Check]:
    """Hold the machine against the cells of a plan."""
    most = max(map(connections, cells), default=0)
    ports = max((connections(c) + short_connections(c) for c in cells), default=0)
    fds = most + max(ENGINE_SPARE, SERVER_SPARE)
    return [
        Check(
            "CPUs",
            machine.cpus >= 2,
            str(machine.cpus),
            "Two at least: server and load engine need a core each. "
            "Start the lab on a machine, or with a taskset, of two CPUs or more.",
        ),
        Check(
            "open files",
            machine.nofile >= fds,
            str(machine.nofile),
            f"The plan holds {most} connections in one process and needs {fds}. "
            f"Raise the hard limit (ulimit -Hn {fds}) or select smaller cells.",
        ),
        Check(
            "ports",
            machine.ports * PORTS_SHARE >= ports,
            str(machine.ports),
            f"One trial takes {ports:.0f} ephemeral ports. "
            "Widen net.ipv4.ip_local_port_range or lower the rate of short connections.",
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
