"""Gates on the server and its meter."""

from itertools import pairwise

from lab.gates import course
from lab.gates.finding import Finding, at_most
from lab.measure import (
    Unmeasured,
    completed_between,
    edge_gap,
    ends,
    meter,
    metered_requests,
)
from lab.model import Cell
from lab.record import Record
from lab.stats.drift import drift as measure_drift
from loadtests.engine.classes import MUTE

EDGE_SHARE = 0.005  # requests in flight or unplaced on an edge, of those completed
BRACKET_NS = 1_000_000  # a reading that took longer has no instant
AWAY_SHARE = 0.02  # of the window: how long a reading from another host may take
CLOSURE_SHARE = 0.01
CLOSURE_NS = 20_000_000  # two ticks of reaped children's time
DRIFT_TAU = 0.5  # about 3 sigma at 20 slices
DRIFT_CHANGE = 0.10  # over a window of LONG_NS and more
DRIFT_CHANGE_SHORT = 0.30  # a burst of 100 ms of foreign work is a fifth of a short window
LONG_NS = 2_000_000_000
ERROR_GATES = frozenset({"server-died", "load-engine", "conservation", "conformance", "ports"})
SLICE_REQUESTS = 5  # fewer in a slice: its CPU per request is a rounding error


def _broke(record: Record, gate: str) -> Finding:
    if record.error and record.error_gate == gate:
        lines = record.error.strip().splitlines()
        return Finding("void", 1, 0, lines[-1 if lines[0].startswith("Traceback") else 0])
    return Finding("ok", 0, 0)


def broke(record: Record, _cell: Cell) -> Finding:
    """The trial could not be finished, for a reason that no other gate names."""
    return _broke(record, record.error_gate if record.error_gate not in ERROR_GATES else "")


def nonconforming(record: Record, _cell: Cell) -> Finding:
    """The server failed an examination before the run, and was not measured."""
    return _broke(record, "conformance")


def engine_lost(record: Record, _cell: Cell) -> Finding:
    """The load engine died or fell silent."""
    return _broke(record, "load-engine")


def died(record: Record, _cell: Cell) -> Finding:
    """The server lived until it was asked to end, and then ended well."""
    end = record.server
    if record.error_gate == "server-died" and not (end and end.died):
        return _broke(record, "server-died")
    if end is None:
        raise Unmeasured("the server never started, or goes on")
    if end.died:
        last = end.stderr.strip().splitlines()[-1:] or ["no last words"]
        return Finding("void", 1, 0, f"the server ended by itself ({end.exit_code}): {last[0]}")
    if end.exit_code != 0:
        code = "had to be killed" if end.exit_code is None else f"ended with {end.exit_code}"
        return Finding("void", 1, 0, f"asked to end, the server {code}")
    return Finding("ok", 0, 0)


def accept_drops(record: Record, cell: Cell) -> Finding:
    """ListenOverflows and ListenDrops of the server's network namespace, whole trial.

    A storm is there to fill the backlog: what it overflows by is what was asked.
    """
    found = meter(record)
    if found.idle.listen_drops < 0:
        raise Unmeasured("the kernel's counters cannot be had where the server runs")
    drops = found.after.listen_drops - found.idle.listen_drops
    drops += found.after.listen_overflows - found.idle.listen_overflows
    why = f"{drops} connections were dropped before accept"
    return (
        Finding("warn", drops, 0, why) if drops and "storm" in cell.load else at_most(drops, 0, why)
    )


def window_edges(record: Record, cell: Cell) -> Finding:
    """The count and the CPU reading cover the same window, to within half a per cent.

    Where nobody asks there is nothing to count: the reading must be sharp, that is all.
    """
    first, last = ends(record)
    bracket, limit = max(first.bracket_ns, last.bracket_ns), BRACKET_NS
    own_clock = meter(record).own_clock
    if own_clock:  # the reading is sharp; where in the window it lies is known to its bracket
        limit = int(AWAY_SHARE * (last.at_ns - first.at_ns))
    if bracket > limit:
        return Finding("void", bracket, limit, f"a reading took {bracket / 1e6:.1f} ms")
    if cell.load.keys() <= MUTE:
        return Finding("ok", bracket, limit)
    try:
        done = metered_requests(record)
    except Unmeasured as why:
        return Finding("void", 1, EDGE_SHARE, f"{why}")
    in_flight = [n for e in record.engines for n in e.in_flight_at_edges]
    if own_clock:
        edge = max(in_flight)
        return at_most(edge / done, EDGE_SHARE, f"{edge} of {done:.0f} requests lie on an edge")
    unplaced = [edge_gap(e.marks, r.at_ns) for e in record.engines for r in (first, last)]
    edge = max(in_flight + unplaced)
    return at_most(edge / done, EDGE_SHARE, f"{edge} of {done:.0f} requests lie on an edge")


def meter_closure(record: Record, _cell: Cell) -> Finding:
    """The last reading against rusage of the whole tree after exit."""
    end = record.server
    if end is None or not end.closure_cpu_ns:
        raise Unmeasured("no account after exit")
    missing = end.closure_cpu_ns - end.last_cpu_ns
    if missing <= CLOSURE_NS:
        return Finding("ok", max(0, missing), CLOSURE_NS)
    share = missing / end.closure_cpu_ns
    return at_most(share, CLOSURE_SHARE, f"{missing / 1e6:.0f} ms of CPU were never metered")


def drift(record: Record, cell: Cell) -> Finding:
    """CPU per request, and for closed loads the rate, over the slices of the window.

    A drift that the pace of the CPU explains is the machine's, and the covariate carries it: of CPU
    per request, the steadier of the metered series and the one divided by the pace speaks.
    """
    slices = meter(record).slices
    short = slices[-1].at_ns - slices[0].at_ns < LONG_NS - BRACKET_NS
    limit = DRIFT_CHANGE_SHORT if short else DRIFT_CHANGE
    if course.changing(cell):
        return course.followed(record, cell, limit)
    if meter(record).own_clock:
        raise Unmeasured("read at the edges of the window only")
    steps = list(pairwise(slices))
    done = [completed_between(record.engines, a.at_ns, b.at_ns) for a, b in steps]
    if min(done) < SLICE_REQUESTS:
        raise Unmeasured("too few requests in a slice")
    series = {
        "CPU per request": [
            (b.cpu_ns - a.cpu_ns) / n for (a, b), n in zip(steps, done, strict=True)
        ]
    }
    if not any(load.rate for load in cell.load.values()):
        series["rate"] = [n / (b.at_ns - a.at_ns) for (a, b), n in zip(steps, done, strict=True)]
    worst = Finding("ok", 0, limit)
    pace = record.noise.pace_ns if record.noise else []
    for name, values in series.items():
        if min(values) <= 0:
            continue
        found = measure_drift(values)
        if name == "CPU per request" and len(pace) == len(values):
            paced = measure_drift([y / x for y, x in zip(values, pace, strict=True)])
            found = min(found, paced, key=lambda drift: (not drift.is_steady, drift.change))
        if abs(found.tau) > DRIFT_TAU and found.change >= worst.value:
            why = f"{name} moved by {found.change:.0%} (tau {found.tau:.2f})"
            worst = at_most(found.change, limit, why)
    return worst
