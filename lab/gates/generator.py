"""Is the load engine what was measured? Gates on the engine itself, beside its plain CPU share.

A load engine that is late is late with everything: it sends late, and it reads late what has come
in time. Four things tell, and each catches what the others miss:

CPU and waiting for it   an engine that shares its core is slow at a small CPU share
full polls               an engine that never finds an empty set works off a queue of its own
receive stamps           the kernel's time of arrival (SO_TIMESTAMPNS) against the engine's read, on
                         a sample: what lies between the two is no server's
send lag                 see `lab.gates.load.send_lag`

Old records have neither the waiting nor the stamps: what they do not hold is not judged.
"""

from lab.gates.finding import Finding, at_most
from lab.gates.load import LAG_NS, LAG_SHARE
from lab.measure import ACTIVE, Unmeasured, engine_share, merged
from lab.model import Cell, ClassName
from lab.record import EngineResult, Record
from loadtests.engine.histogram import supports

NAME = "generator"
TIMED: tuple[ClassName, ...] = (*ACTIVE, "victim")  # one loop reads for all of them
STARVED = 0.25  # of the window ready to run and not running: a queue before each of its steps
STARVED_WARN = 0.10
FULL = 0.90  # of the polls found something at once, so that nearly every event had to wait ...
FULL_BUSY = 0.70  # ... and of the core in use: below it, a server that answers in bursts does that
BEHIND_SHARE = 0.5  # of the median response time: above it more than half of it is the engine's
BEHIND_LEAST_NS = 50_000  # the median of a wake-up is 5 to 30 us: less than this is not the engine
SAMPLE = 100  # stamps; a median of fewer is no finding


def generator(record: Record, _cell: Cell) -> Finding:
    """CPU and waiting for it, full polls, receive stamps; the worst of them speaks."""
    if not record.engines:
        raise Unmeasured(record.error or "no load engine reported")
    found = [_starved(record), _full(record), _behind(record)]
    for state in ("void", "warn"):
        for one in found:
            if one.state == state:
                return one
    return found[0]


def read_lag(record: Record, _cell: Cell) -> Finding:
    """p99 of what lies between the kernel's receive stamp and the engine's read."""
    if not record.engines:
        raise Unmeasured(record.error or "no load engine reported")
    behind, response = (merged(record, kind, TIMED) for kind in ("behind", "response"))
    if not supports(0.99, behind.count):
        return Finding("ok", 0, LAG_NS)
    limit = max(LAG_NS, LAG_SHARE * response.quantile(99_000))
    p99 = behind.quantile(99_000)
    return at_most(p99, limit, f"p99 from a reply's arrival to its reading {p99 / 1e6:.2f} ms")


def _starved(record: Record) -> Finding:
    shares = [_delay(one) for one in record.engines if one.delayed_ns >= 0]
    worst = max(shares, default=0.0)
    why = f"for {worst:.0%} of the window the load engine waited for its CPU"
    return at_most(worst, STARVED, why, STARVED_WARN)


def _delay(engine: EngineResult) -> float:
    return engine.delayed_ns / (engine.crossed[1] - engine.crossed[0])


def _full(record: Record) -> Finding:
    waits = sum(one.waits for one in record.engines)
    share = sum(one.full for one in record.engines) / waits if waits else 0.0
    busy = engine_share(record)
    if busy <= FULL_BUSY:
        return Finding("ok", share, FULL)
    why = f"{share:.0%} of the polls found events waiting, {busy:.0%} of the core in use"
    return at_most(share, FULL, why)


def _behind(record: Record) -> Finding:
    behind, response = (merged(record, kind, TIMED) for kind in ("behind", "response"))
    if behind.count < SAMPLE or not response.count:
        return Finding("ok", 0, BEHIND_SHARE)
    lay, whole = behind.quantile(50_000), response.quantile(50_000)
    why = f"replies lay unread for {lay / 1e3:.0f} us of {whole / 1e3:.0f} us (medians)"
    limit = max(BEHIND_SHARE, BEHIND_LEAST_NS / max(1, whole))
    return at_most(lay / max(1, whole), limit, why)
