"""Gates on what the load engine and Locust report. Sources of the thresholds: docs/method.md."""

from lab.courses import active, changes
from lab.drivers import unseen
from lab.gates.census import added
from lab.gates.course import tolerance
from lab.gates.finding import Finding, at_least, at_most
from lab.measure import ACTIVE, NS, Unmeasured, engine_share, merged
from lab.model import Cell, ClassName
from lab.record import ClassResult, Counts, Record
from loadtests.engine.classes import ATTACKERS, MUTE

ENGINE_SHARE_VOID = 0.85  # of one core; above it queues form in the generator itself
ENGINE_SHARE_WARN = 0.70
ACHIEVED_SHARE = 0.99  # completed / scheduled, open classes
QUEUED = 10  # requests: M/D/1 at 0.8 has more in 1 % of the time, exp(-2 (1 - rho) / rho * 10)
QUEUED_SHARE = 0.05  # of the schedule, at the most
LITTLE_CLOSED = 0.05
LITTLE_OPEN = 0.15
LITTLE_SAMPLES = 50  # requests seen in flight by the sampler; fewer say nothing (Poisson error)
ERROR_SHARE = 0.001
RATED: tuple[ClassName, ...] = (*ACTIVE, "victim")  # may be asked at a rate
UNTIMED = ("half-close", "abandon")  # ends that take time of no completed request
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
        fates = found.total.completed + lost + found.total.abandoned
        counted += fates
        failed += lost
        unequal += abs(found.total.scheduled - fates)
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


def errors(record: Record, cell: Cell) -> Finding:
    """Failed requests per scheduled one, all kinds, in the window; of who attacks only if alone.

    Behind the window they tell nothing of it: who waits for a neighbour to leave waits in vain once
    the load has ended and nobody leaves any more.
    """
    classes = [(name, found) for name, found in _classes(record) if name not in MUTE]
    served = [found for name, found in classes if name not in ATTACKERS]
    scheduled, kinds = 0, dict[str, int]()
    judged: list[Counts] = [found.window for found in served]
    judged = judged or [found.total for _, found in classes]
    for found in judged:
        scheduled += found.scheduled
        for kind, n in found.failed.items():
            kinds[kind] = kinds.get(kind, 0) + n
    if cell.load.keys() <= MUTE:
        return Finding("ok", 0, ERROR_SHARE)
    if not scheduled:
        return Finding("void", 0, 1, "nothing was scheduled")
    listed = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()) if n)
    return at_most(sum(kinds.values()) / scheduled, ERROR_SHARE, f"{listed} of {scheduled}")


def generator_saturated(record: Record, _cell: Cell) -> Finding:
    """CPU of the load engines on their core."""
    share = engine_share(record)
    why = f"the load engines used {share:.0%} of their core"
    return at_most(share, ENGINE_SHARE_VOID, why, ENGINE_SHARE_WARN)


def offered_vs_achieved(record: Record, cell: Cell) -> Finding:
    """Completed over scheduled inside the window, for each class with a fixed rate.

    Poisson arrivals make a queue that is longer at one edge of the window than at the other, and to
    void the trials that end with a long one would make waiting look shorter than it is. A few
    requests are therefore no overload there.
    """
    worst = 1.0
    for name in RATED:
        if name not in cell.load or not cell.load[name].rate:
            continue
        found = [c.window for n, c in _classes(record) if n == name]
        scheduled = sum(w.scheduled for w in found)
        if not scheduled:
            return Finding("void", 0, ACHIEVED_SHARE, f"no {name} request was scheduled")
        done = sum(w.completed + w.abandoned for w in found)
        queued = min(QUEUED, QUEUED_SHARE * scheduled)
        if cell.load[name].spacing == "poisson" and scheduled - done <= queued:
            continue
        worst = min(worst, done / scheduled)
    if "churn" in cell.load:
        churned = added(record, "churn")
        worst = min(worst, churned.replaced / churned.due if churned.due else 0.0)
    return at_least(worst, ACHIEVED_SHARE, f"{worst:.1%} of the schedule was completed")


def littles_law(record: Record, cell: Cell) -> Finding:
    """Closed: N = X (R + Z). Open: mean in flight, sampled apart from the stamps, = X S."""
    worst = Finding("ok", 0, LITTLE_CLOSED)
    window_s = sum(e.crossed[1] - e.crossed[0] for e in record.engines) / NS
    window_s /= max(1, len(record.engines))
    rated = [n for n in ACTIVE if n in cell.load and cell.load[n].rate]
    for name in ACTIVE:
        if name not in cell.load or name in rated or name in unseen(cell.driver):
            continue  # how long a locustfile's users pause is known to nobody else
        if cell.load[name].ends in UNTIMED:
            continue
        times = merged(record, "response", (name,))
        if not times.count:
            raise Unmeasured("no request was completed in the window")
        spec = cell.load[name]
        n = active(spec, cell.timing)
        x = times.count / window_s
        away = merged(record, "connect", (name,)).sum / NS / window_s if spec.requests else 0.0
        off = abs(n - x * (times.mean() / NS + spec.think_s) - away) / n if n else 0.0
        if off >= worst.value:
            why = f"{n:g} {name} connections, but X(R+Z) is off by {off:.1%}"
            worst = at_most(off, tolerance(spec, LITTLE_CLOSED, times.count), why)
            if changes(spec, cell.timing) and worst.state == "void":
                worst = Finding("warn", off, worst.limit, why)  # cycles lie across the changes
    others = cell.load.keys() - MUTE - set(rated)  # in flight is of all classes together
    if worst.state == "void" or not rated or others:
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
    rated = tuple(n for n in RATED if n in cell.load and cell.load[n].rate)
    if not rated:
        return Finding("ok", 0, LAG_NS)
    lag = merged(record, "lag", rated)
    response = merged(record, "response", rated)
    if not lag.count:
        raise Unmeasured("no request was sent in the window")
    limit = max(LAG_NS, LAG_SHARE * response.quantile(99_000))
    p99 = lag.quantile(99_000)
    return at_most(p99, limit, f"p99 of the send lag {p99 / 1e6:.2f} ms")
