"""The gate on ports: what runs out of them measures connect(), not a server."""

from lab.gates.finding import Finding, at_most
from lab.measure import Unmeasured
from lab.model import Cell
from lab.record import Record

NAME = "ports"
SHARE = 0.8  # of all ports that the load's source addresses have; more slows connect()


def ports(record: Record, _cell: Cell) -> Finding:
    """Connections that found no port, and sockets that the trial left in TIME_WAIT."""
    if record.error_gate == NAME:
        return Finding("void", 1, 0, record.error)
    results = [found for engine in record.engines for found in engine.classes.values()]
    lacked = sum(found.total.failed.get("no-port", 0) for found in results)
    if lacked:
        return Finding("void", lacked, 0, f"{lacked} connections found no port to come from")
    use = record.ports
    if use is None:
        raise Unmeasured("nobody looked at the ports")
    why = f"{use.time_wait} sockets in TIME_WAIT on {use.addresses} source addresses"
    return at_most(use.time_wait / (use.ports * use.addresses), SHARE, why)
