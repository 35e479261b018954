"""What gates ask of a load that changes inside the window: that it was followed, not that it stood.

CPU per request and the rate may move with such a load, so nothing is said of their drift. What must
not move is how much of what is due gets done.
"""

import math
from itertools import pairwise

from lab.courses import changes, due_between, window
from lab.gates.finding import Finding, at_most
from lab.measure import Unmeasured, completed_between, meter
from lab.model import Cell, ClassLoad
from lab.record import Record
from lab.stats.drift import STRONG_TAU
from lab.stats.drift import drift as measure_drift

SLICE_REQUESTS = 5  # due in a slice; fewer are left out, as one more or less would be a fifth
SLICES = 6  # with fewer no order of them is rare: one in 6! is
SIGMAS = 3


def changing(cell: Cell) -> list[ClassLoad]:
    """The loads whose rate or number of connections changes in the window."""
    return [load for load in cell.load.values() if changes(load, cell.timing)]


def followed(record: Record, cell: Cell, limit: float) -> Finding:
    """Completed over due in each slice of the window: does the server fall behind the schedule?

    Of open loads only: what is due of a closed one is whatever the server lets come.
    """
    if meter(record).own_clock:
        why = "the load changes in the window, and nobody knows where in it the meter read"
        return Finding("void", 1, 0, why)
    rated = [load for load in cell.load.values() if load.rate]
    asked = sum(c.total.scheduled > 0 for e in record.engines[:1] for c in e.classes.values())
    if asked > len(rated):
        raise Unmeasured("a closed load has no schedule")
    begun = record.engines[0].window[0] - window(cell.timing)[0]
    shares = []
    for a, b in pairwise(reading.at_ns for reading in meter(record).slices):
        expected = sum(due_between(load, a - begun, b - begun) for load in rated)
        if expected >= SLICE_REQUESTS:
            shares.append(completed_between(record.engines, a, b) / expected)
    if len(shares) < SLICES or min(shares) <= 0:
        raise Unmeasured("too few requests are due in a slice")
    found = measure_drift(shares)
    if abs(found.tau) <= STRONG_TAU:
        return Finding("ok", 0, limit)
    why = f"replies over requests due moved by {found.change:.0%} (tau {found.tau:.2f})"
    return at_most(found.change, limit, why)


def tolerance(load: ClassLoad, usual: float, requests: int) -> float:
    """How far Little's law may be off: drawn think times have a mean of their own."""
    if load.spread == "constant":
        return usual
    return max(usual, SIGMAS / math.sqrt(requests))
