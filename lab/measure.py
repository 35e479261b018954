"""From one record to one number per metric: the only place where raw counts become values.

Pure. A metric that a record cannot give raises `Unmeasured` with the reason; nothing is guessed.
CPU per request aligns the count with the meter: requests are counted between the meter's own two
instants, from the load engine's marks, so a reader that woke late measures a shifted window, not a
wrong one.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from lab.metrics import METRICS
from lab.model import ClassName
from lab.record import EngineResult, HistogramData, MeterReading, MeterResult, Record
from loadtests.engine.histogram import Histogram, supports

NS = 1_000_000_000  # ns in a second
US = 1_000  # ns in a microsecond
ACTIVE: tuple[ClassName, ...] = ("long", "short")  # pooled where nobody says which


class Unmeasured(ValueError):
    """This record holds no such number."""


def count_at(marks: Sequence[tuple[int, int]], at_ns: int) -> float:
    """Requests completed by the instant at_ns: linear between the two marks around it."""
    after = bisect_right(marks, at_ns, key=lambda mark: mark[0])
    if after == 0:
        return 0.0
    t, n = marks[after - 1]
    if after == len(marks):
        return float(n)
    t_next, n_next = marks[after]
    return n + (n_next - n) * (at_ns - t) / (t_next - t)


def edge_gap(marks: Sequence[tuple[int, int]], at_ns: int) -> int:
    """Requests between the two marks around at_ns: how far `count_at` may be off."""
    after = bisect_right(marks, at_ns, key=lambda mark: mark[0])
    if after in (0, len(marks)):
        return 0
    return marks[after][1] - marks[after - 1][1]


def completed_between(engines: Sequence[EngineResult], start_ns: int, end_ns: int) -> float:
    """Requests that all load engines completed between two instants."""
    return sum(count_at(e.marks, end_ns) - count_at(e.marks, start_ns) for e in engines)


def merged(record: Record, kind: str, classes: Sequence[ClassName] = ACTIVE) -> Histogram:
    """Return the window's histogram of that kind (response, service, lag ...): merged by adding."""
    total = Histogram()
    for engine in record.engines:
        for name in classes:
            if name in engine.classes:
                data: HistogramData = getattr(engine.classes[name].window, kind)
                total.merge(Histogram.from_json(data.model_dump()))
    return total


def meter(record: Record) -> MeterResult:
    """Return the meter's part. Raises Unmeasured where the trial broke before it."""
    if record.meter is None or not record.engines:
        raise Unmeasured(record.error or "no meter reading")
    return record.meter


def ends(record: Record) -> tuple[MeterReading, MeterReading]:
    """Return the readings at the two edges of the window."""
    slices = meter(record).slices
    return slices[0], slices[-1]


def used_ns(record: Record) -> int:
    """Server CPU ns between the first reading and the last. Raises Unmeasured."""
    first, last = ends(record)
    if first.cpu_ns < 0 or last.cpu_ns < 0:
        raise Unmeasured("the server's CPU time cannot be had where it runs")
    return last.cpu_ns - first.cpu_ns


def metered_requests(record: Record) -> float:
    """Requests completed between the meter's first reading and its last. Raises Unmeasured.

    A meter with a clock of its own lies inside the window, nobody knows where exactly: the load is
    steady there, so the load engines' rate, by their clocks, times the meter's interval, by its.
    """
    first, last = ends(record)
    requests = completed_between(record.engines, first.at_ns, last.at_ns)
    if meter(record).own_clock:
        rate = sum(completed_between([e], *e.crossed) / _length(e) for e in record.engines)
        requests = rate * (last.at_ns - first.at_ns)
    if requests <= 0:
        raise Unmeasured("no request was completed in the window")
    return requests


def _length(engine: EngineResult) -> int:
    return engine.crossed[1] - engine.crossed[0]


def cpu_ns(record: Record) -> float:
    """Server CPU ns per completed request, user and system, over the meter's window."""
    return used_ns(record) / metered_requests(record)


def throughput(record: Record) -> float:
    """Completed requests per second of the window."""
    first, last = ends(record)
    return metered_requests(record) / ((last.at_ns - first.at_ns) / NS)


def server_share(record: Record) -> float:
    """Server CPU seconds per second of the window."""
    first, last = ends(record)
    return used_ns(record) / (last.at_ns - first.at_ns)


def engine_share(record: Record) -> float:
    """CPU seconds per second of all load engines, over the window: they share one core here.

    Where nobody pinned them each has its own, as far as anybody knows: that of the busiest.
    """
    if not record.engines:
        raise Unmeasured(record.error or "no load engine reported")
    shares = [e.cpu_ns / _length(e) for e in record.engines]
    return max(shares) if record.cpus[1] < 0 else sum(shares)


def switches(record: Record) -> float:
    """Context switches of the server's live tasks per completed request, whole trial."""
    found = meter(record)
    done = sum(c.total.completed for e in record.engines for c in e.classes.values())
    before, after = found.ready, found.after
    if before.voluntary < 0:
        raise Unmeasured("context switches cannot be had where the server runs")
    if not done:
        raise Unmeasured("no request was completed")
    count = after.voluntary + after.involuntary - before.voluntary - before.involuntary
    return count / done


def events_per_wait(record: Record) -> float:
    """Events that one wait of the load engine brought, on average."""
    waits = sum(e.waits for e in record.engines)
    if not waits:
        raise Unmeasured("the load engine never waited")
    return sum(e.events for e in record.engines) / waits


def pss(record: Record) -> float:
    """Memory of the server, proportional set size in bytes, all connections open."""
    found = meter(record).ready.pss_bytes
    if found < 0:
        raise Unmeasured("the memory of its processes cannot be had where the server runs")
    return float(found)


def memory(record: Record) -> float:
    """Memory of the server in bytes, all connections open.

    Of its control group, kernel memory for it included, where it has one; else PSS, which has not
    what the kernel keeps for its sockets. Arms of one run are all metered the same way.
    """
    held = meter(record).ready.memory_bytes
    return float(held) if held >= 0 else pss(record)


def percentile(record: Record, percent: float, kind: str, classes: Sequence[ClassName]) -> float:
    """Latency percentile in ns. Raises Unmeasured where the samples cannot support it."""
    histogram = merged(record, kind, classes)
    if not supports(percent / 100, histogram.count):
        raise Unmeasured(f"p{percent:g} needs more than {histogram.count} samples")
    return float(histogram.quantile(round(percent * 1000)))


def mean(record: Record, kind: str, classes: Sequence[ClassName]) -> float:
    """Mean latency in ns, from exact sums."""
    histogram = merged(record, kind, classes)
    if not histogram.count:
        raise Unmeasured("no request was completed in the window")
    return histogram.mean()


LATENCIES = frozenset(name for name, metric in METRICS.items() if metric.kind)
PLAIN: dict[str, Callable[[Record], float]] = {
    "cpu": lambda record: cpu_ns(record) / US,
    "throughput": throughput,
    "standing": server_share,
    "pss": pss,
    "memory": memory,
}


def value(record: Record, metric: str, classes: Sequence[ClassName] = ACTIVE) -> float:
    """Return one metric of `lab.claims.METRICS`, in the unit stated there, from one record.

    classes: whose latency. Raises Unmeasured; KeyError for an unknown metric.
    """
    found = METRICS[metric]
    if found.percent:
        return percentile(record, found.percent, found.kind, classes) / US
    if found.kind:
        return mean(record, found.kind, classes) / US
    return PLAIN[metric](record)
