"""Gate on the connections: as many were open as the cell asks for, all through the window.

Asked = established = held at both edges, at the engine and as sockets of the server. Beside that:
* a class whose connections end by plan has some on their way back: they count as held;
* who attacks may be hung up on. That is the server's answer, and a warning: the attack has become
  smaller than the cell says. Connections that are missing for any other reason void the trial.
"""

from collections.abc import Iterator, Mapping

from lab.drivers import unseen
from lab.gates.finding import Finding
from lab.measure import Unmeasured
from lab.model import Cell, ClassLoad, ClassName
from lab.record import Connections, Record
from loadtests.engine.classes import ATTACKERS, FLEETING

EDGES = ("start", "end")
FINE = Finding("ok", 0, 0)


def census(record: Record, cell: Cell) -> Finding:
    """Asked = established = held at both edges, at the engine and as sockets of the server."""
    if not record.engines:
        raise Unmeasured(record.error or "no load engine reported")
    seen = {name: added(record, name) for name in cell.load}
    findings = [
        finding
        for name, load in cell.load.items()
        for finding in _of_a_class(name, load, seen[name], _scheduled(record, name))
    ]
    return _worst([*findings, _at_the_server(record, cell, seen)])


def added(record: Record, name: ClassName) -> Connections:
    """Return the connections of a class, over all load engines."""
    parts = [e.classes[name].connections for e in record.engines if name in e.classes]
    counts = {
        field: sum(getattr(part, field) for part in parts) for field in Connections.model_fields
    }
    return Connections.model_validate(counts)


def _scheduled(record: Record, name: ClassName) -> int:
    return sum(e.classes[name].total.scheduled for e in record.engines if name in e.classes)


def _of_a_class(
    name: ClassName, load: ClassLoad, seen: Connections, scheduled: int
) -> Iterator[Finding]:
    asked = load.connections
    if name == "storm" and scheduled != asked:
        yield Finding("void", abs(asked - scheduled), 0, f"{scheduled} of {asked} came in a storm")
    if name in FLEETING:
        return
    if seen.established != asked:
        why = f"{seen.established} of {asked} {name} connections established"
        yield Finding("void", abs(asked - seen.established), 0, why)
    for edge in EDGES:
        held = getattr(seen, f"held_at_{edge}") + getattr(seen, f"renewing_at_{edge}")
        missing = asked - held
        if missing and name in ATTACKERS and 0 < missing <= seen.lost:
            why = f"the server hung up on {missing} of {asked} {name} connections"
            yield Finding("warn", missing, 0, why)
        elif missing:
            why = f"{held} of {asked} {name} connections held at {edge}"
            yield Finding("void", abs(missing), 0, why)


def _at_the_server(record: Record, cell: Cell, seen: Mapping[ClassName, Connections]) -> Finding:
    """Compare with its sockets; closing ones may overlap their successors."""
    if record.meter is None or record.meter.ready.held < 0:
        return FINE
    apart = unseen(cell.driver)
    held = sum(n.connections for name, n in cell.load.items() if name not in FLEETING | apart)
    ready = record.meter.ready.held - record.meter.idle.held
    after = record.meter.after.held - record.meter.idle.held
    if apart:  # users of a locustfile open what they like beside what is held
        least = min(ready, after)
        why = f"the server held {least} of {held}"
        return Finding("void" if least < held else "ok", max(0, held - least), 0, why)
    lost = sum(seen[name].lost for name in cell.load if name in ATTACKERS)
    if not held - lost <= ready <= held:
        return Finding("void", abs(held - ready), 0, f"the server held {ready} of {held}")
    moving = [n.connections for name, n in cell.load.items() if n.requests or name == "churn"]
    fleeting = [n.connections for name, n in cell.load.items() if name in FLEETING]
    least, most = held - lost - sum(moving), held + 2 * sum(fleeting) + sum(moving) + 1
    if not least <= after <= most:
        return Finding("void", abs(held - after), 0, f"the server held {after}, due {held}")
    return FINE


def _worst(findings: list[Finding]) -> Finding:
    order = ("void", "warn", "ok")
    return min(findings, key=lambda finding: order.index(finding.state))
