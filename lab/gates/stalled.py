"""The gate on a load engine that stood still: stopped, starved, or stuck in its own work."""

from lab.gates.finding import Finding, at_most
from lab.measure import Unmeasured
from lab.model import Cell
from lab.record import Record

NAME = "engine-stalled"
SHARE = 0.1  # of the window: so much less load than was ordered, and the rest of it in a burst
LEAST_NS = 100_000_000  # a virtual machine may take a CPU away for tens of ms: that is noise


def stalled(record: Record, _cell: Cell) -> Finding:
    """The longest that an engine came late to a beat of its own, which is due every 10 ms."""
    if not record.engines:
        raise Unmeasured(record.error or "no load engine reported")
    worst = max(record.engines, key=lambda engine: engine.stalled_ns)
    limit = max(LEAST_NS, int(SHARE * (worst.window[1] - worst.window[0])))
    why = f"a load engine stood still for {worst.stalled_ns / 1e6:.0f} ms"
    return at_most(worst.stalled_ns, limit, why)
