"""What a trial with connections that come and go does to the kernel's tables, before and behind it.

Before: where Docker has the kernel follow every connection, a full table hangs any server, so the
trial waits for room. Behind: how many sockets the load has left in TIME_WAIT, of how many ports.
"""

from lab import turnover
from lab.budget import own_sources
from lab.errors import TrialFailed
from lab.gates.ports import NAME
from lab.model import Cell
from lab.record import PortUse
from lab.seams import Host


def make_room(cell: Cell, host: Host) -> None:
    """Wait until the kernel can follow this trial's connections. Raises TrialFailed."""
    wanted = turnover.tracked(cell)
    if not host.make_room(wanted):
        raise TrialFailed(NAME, f"the kernel has no room to follow {wanted} connections more")


def used(
    cell: Cell, address: tuple[str, int], engines: int, before: int, host: Host
) -> PortUse | None:
    """Say what the trial has taken of the ports to a server.

    before: sockets in TIME_WAIT on this host then. None: no connection of this cell comes and goes,
    or nobody can tell.
    """
    if not engines or not any(turnover.opened(n, load, 1.0) for n, load in cell.load.items()):
        return None
    own, waits, ports = address[0].startswith("127."), host.time_waits(address[1]), host.ports()
    if min(waits, ports) < 0:
        return None
    classes = [own_sources(n, load, engines) if own else 0 for n, load in cell.load.items()]
    return PortUse(
        time_wait=waits,
        machine_before=before,
        machine_after=host.time_waits(),
        ports=ports,
        addresses=sum(classes) * engines + (0 in classes),
    )
