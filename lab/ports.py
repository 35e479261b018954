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


def used(cell: Cell, address: str, engines: int, before: int, host: Host) -> PortUse | None:
    """Say what the trial has taken. before: sockets in TIME_WAIT then. None: nobody can tell."""
    after, ports = host.time_waits(), host.ports()
    if min(before, after, ports) < 0 or not engines:
        return None
    addresses = 1
    if address.startswith("127."):
        again = (
            own_sources(name, load, engines) * engines
            for name, load in cell.load.items()
            if turnover.opened(name, load, 1.0)
        )
        addresses = max(1, sum(again))
    return PortUse(time_wait_before=before, time_wait_after=after, ports=ports, addresses=addresses)
