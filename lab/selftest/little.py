"""Little's law on real trials, L = X W, of every kind of load; and that the gate looked at each.

Closed: N connections are N = X (R + Z), Z the think time. Open and connecting: the requests under
way, counted at random instants by a sampler that knows no stamp, are L = X S. The law holds for any
server and any arrivals, so that only the recorder can break it.
"""

from lab.gates.load import LITTLE_CLOSED, LITTLE_OPEN
from lab.model import ClassLoad, ClassName
from lab.record import GateResult, Record
from lab.selftest.finding import Finding, at_least, within
from lab.selftest.rig import Rig, times

NS = 1_000_000_000
GATE = "littles-law"
LOADS: dict[str, dict[ClassName, ClassLoad]] = {
    "closed": {"long": ClassLoad(connections=8)},
    "closed, think 2 ms": {"long": ClassLoad(connections=8, think_s=0.002)},
    "open, constant": {"long": ClassLoad(connections=32, rate=1000)},
    "open, Poisson": {"long": ClassLoad(connections=32, rate=1000, spacing="poisson")},
    "connecting": {"short": ClassLoad(connections=4, think_s=0.001)},
}
PATH = "/block/1"  # so that there is something under way to be counted


def measure(rig: Rig) -> list[Finding]:
    """Run each load against threads that wait a millisecond per request."""
    found: list[Finding] = []
    for name, load in LOADS.items():
        asked = {c: one.model_copy(update={"path": PATH}) for c, one in load.items()}
        record = rig.trial("threads", "http", asked, rig.seconds(3.0, 1.0))
        found += judge(name, record, asked)
    return found


def judge(name: str, record: Record, load: dict[ClassName, ClassLoad]) -> list[Finding]:
    """Hold one record of one class against the law, and look for the gate's word on it."""
    found = []
    for class_name, asked in load.items():
        if not asked.rate:
            found.append(closed(name, record, class_name, asked))
        found.append(sampled(name, record, class_name))
    return [*found, spoke(name, record.gates)]


def closed(name: str, record: Record, class_name: ClassName, asked: ClassLoad) -> Finding:
    """N = X (R + Z)."""
    seen = times(record, "response", class_name)
    held = seen.count / _window(record) * (seen.mean() / NS + asked.think_s)
    return within(f"{name}: X (R + Z), connections N", held, asked.connections, LITTLE_CLOSED)


def sampled(name: str, record: Record, class_name: ClassName) -> Finding:
    """L = X S."""
    seen = times(record, "service", class_name)
    under_way = [n for engine in record.engines for n in engine.in_flight]
    mean = sum(under_way) / max(1, len(under_way))
    due = seen.count / _window(record) * seen.mean() / NS
    return within(f"{name}: X S, sampled under way", mean, due, LITTLE_OPEN)


def spoke(name: str, gates: list[GateResult]) -> Finding:
    """Whether the gate judged this trial at all."""
    judged = sum(gate.gate == GATE for gate in gates)
    return at_least(f"{name}: the gate has judged it", judged, 1)


def _window(record: Record) -> float:
    start, end = record.engines[0].crossed
    return (end - start) / NS
