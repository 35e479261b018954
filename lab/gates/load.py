"""Gates on what the load engine and Locust report. Sources of the thresholds: docs/method.md."""

from lab.gates.finding import Finding, at_least, at_most
from lab.measure import ACTIVE, NS, Unmeasured, engine_share, merged
from lab.model import Cell
from lab.record import ClassResult, Record

ENGINE_SHARE_VOID = 0.85  # of one core; above it queues form in the generator itself
ENGINE_SHARE_WARN = 0.70
ACHIEVED_SHARE = 0.99  # completed / scheduled, open classes
LITTLE_CLOSED = 0.05
LITTLE_OPEN = 0.15
LITTLE_SAMPLES = 50  # requests seen in flight by the sampler; fewer say nothing (Poisson error)
ERROR_SHARE = 0.001
LAG_NS = 300_000  # 0.3 ms
LAG_SHARE = 0.25  # of the p99 response time


def _classes(record: Record) -> list[tuple[str, ClassResult]]:
    if not record.engines:
        raise Unmeasured(record.error or "no load engine reported")
    return [(name, found) for e in record.engines for name, found in e.classes.items()]


def conservation(record: Record, _cell: Cell) -> Finding:
    """Requests counted at the engine, in its deltas, in its histograms and in Locust are equal."""
    if record.error_gate == "conservation":
        return Finding("void", 1, 0, record.error)
    counted = failed = unequal = 0
    for _, found in _classes(record):
        lost = sum(found.total.failed.values())
        counted += found.total.completed + lost
        failed += lost
        unequal += abs(found.total.scheduled - found.total.completed - lost)
        unequal += abs(found.window.response.count - found.window.completed)
    handed = sum(e.delta_requests for e in record.engines)
    locust = record.locust
    if locust is None:
        return Finding("void", 1, 0, "Locust reported no count")
    if locust.lost_workers or locust.workers != len(record.engines):
        return Finding("void", locust.lost_workers, 0, "a Locust worker was lost")
    off = max(
        unequal,
        abs(counted - handed),
        abs(counted - locust.requests),
        abs(failed - locust.failures),
    )
    return at_most(
        off,
        0,
        f"engine counted {counted} ({failed} failed), handed over {handed}, "
        f"Locust has {locust.requests} ({locust.failures} failed)",
    )


def wrong_bytes(record: Record, _cell: Cell) -> Finding:
    """Every reply was checked byte for byte."""
    wrong = sum(c.total.failed.get("wrong", 0) for _, c in _classes(record))
    return at_most(wrong, 0, f"{wrong} replies differed from what was due")


def errors(record: Record, _cell: Cell) -> Finding:
    """Failed requests per scheduled one, all kinds, whole trial."""
    scheduled = sum(c.total.scheduled for _, c in _classes(record))
    kinds: dict[str, int] = {}
    for _, found in _classes(record):
        for kind, n in found.total.failed.items():
            kinds[kind] = kinds.get(kind, 0) + n
    if not scheduled:
        return Finding("void", 0, 1, "nothing was scheduled")
    listed = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()) if n)
    return at_most(sum(kinds.values()) / scheduled, ERROR_SHARE, f"{listed} of {scheduled}")


def census(record: Record, cell: Cell) -> Finding:
    """Asked = established = held at both edges, at the engine and as sockets of the server."""
    held = 0
    for name in ("long", "idle"):
        if name not in cell.load:
            continue
        asked = cell.load[name].connections
        seen = [c.connections for n, c in _classes(record) if n == name]
        held += asked
        for what in ("established", "held_at_start", "held_at_end"):
            got = sum(getattr(c, what) for c in seen)
            if got != asked:
                why = f"{got} of {asked} {name} connections {what.replace('_', ' ')}"
                return Finding("void", abs(asked - got), 0, why)
    if record.meter is None or record.meter.ready.held < 0:
        return Finding("ok", 0, 0)
    at_once = cell.load["short"].connections if "short" in cell.load else 0
    ready = record.meter.ready.held - record.meter.idle.held
    after = record.meter.after.held - record.meter.idle.held
    if ready != held:
        return Finding("void", abs(held - ready), 0, f"the server held {ready} of {held}")
    if not held <= after <= held + 2 * at_once + 1:  # a closing one may overlap its successor
        return Finding("void", abs(held - after), 0, f"the server held {after}, due {held}")
    return Finding("ok", 0, 0)


def generator_saturated(record: Record, _cell: Cell) -> Finding:
    """CPU of the load engines on their core."""
    share = engine_share(record)
    why = f"the load engines used {share:.0%} of their core"
    return at_most(share, ENGINE_SHARE_VOID, why, ENGINE_SHARE_WARN)


def offered_vs_achieved(record: Record, cell: Cell) -> Finding:
    """Completed over scheduled inside the window, for each class with a fixed rate."""
    worst = 1.0
    for name in ACTIVE:
        if name not in cell.load or not cell.load[name].rate:
            continue
        found = [c.window for n, c in _classes(record) if n == name]
        scheduled = sum(w.scheduled for w in found)
        if not scheduled:
            return Finding("void", 0, ACHIEVED_SHARE, f"no {name} request was scheduled")
        worst = min(worst, sum(w.completed for w in found) / scheduled)
    return at_least(worst, ACHIEVED_SHARE, f"{worst:.1%} of the schedule was completed")


def littles_law(record: Record, cell: Cell) -> Finding:
    """Closed: N = X (R + Z). Open: mean in flight, sampled apart from the stamps, = X S."""
    worst = Finding("ok", 0, LITTLE_CLOSED)
    window_s = sum(e.crossed[1] - e.crossed[0] for e in record.engines) / NS
    window_s /= max(1, len(record.engines))
    rated = [n for n in ACTIVE if n in cell.load and cell.load[n].rate]
    for name in ACTIVE:
        if name not in cell.load or name in rated:
            continue
        times = merged(record, "response", (name,))
        if not times.count:
            raise Unmeasured("no request was completed in the window")
        n = cell.load[name].connections
        x = times.count / window_s
        off = abs(n - x * (times.mean() / NS + cell.load[name].think_s)) / n
        if off >= worst.value:
            why = f"{n} {name} connections, but X(R+Z) is off by {off:.1%}"
            worst = at_most(off, LITTLE_CLOSED, why)
    if (
        worst.state == "void"
        or not rated
        or len(rated) < len([c for c in ACTIVE if c in cell.load])
    ):
        return worst
    return _little_open(record, window_s)


def _little_open(record: Record, window_s: float) -> Finding:
    sampled = [n for e in record.engines for n in e.in_flight]
    if sum(sampled) < LITTLE_SAMPLES:
        return Finding("ok", 0, LITTLE_OPEN)
    seen = sum(sum(e.in_flight) / len(e.in_flight) for e in record.engines if e.in_flight)
    times = merged(record, "service")
    due = times.count / window_s * times.mean() / NS
    off = abs(seen - due) / due if due else 1.0
    found = at_most(off, LITTLE_OPEN, f"{seen:.2f} in flight were seen, X S is {due:.2f}")
    return Finding("warn", found.value, found.limit, found.why) if found.state == "void" else found


def latency_order(record: Record, _cell: Cell) -> Finding:
    """p50 <= p90 <= p99 <= max, mean <= max, for response and service time."""
    for kind in ("response", "service"):
        times = merged(record, kind)
        if not times.count:
            raise Unmeasured("no request was completed in the window")
        steps = [times.quantile(p) for p in (50_000, 90_000, 99_000)] + [times.max]
        if steps != sorted(steps) or times.mean() > times.max:
            return Finding("void", 1, 0, f"{kind} time: {steps}, mean {times.mean()}")
    return Finding("ok", 0, 0)


def send_lag(record: Record, cell: Cell) -> Finding:
    """p99 of sent - intended, open classes."""
    rated = tuple(n for n in ACTIVE if n in cell.load and cell.load[n].rate)
    if not rated:
        return Finding("ok", 0, LAG_NS)
    lag = merged(record, "lag", rated)
    response = merged(record, "response", rated)
    if not lag.count:
        raise Unmeasured("no request was sent in the window")
    limit = max(LAG_NS, LAG_SHARE * response.quantile(99_000))
    p99 = lag.quantile(99_000)
    return at_most(p99, limit, f"p99 of the send lag {p99 / 1e6:.2f} ms")
