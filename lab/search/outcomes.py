"""What one trial answers to a search: yes, no, or nothing. Pure.

Capacity asks "is this rate too much?". Yes, where the server was seen to fail: requests unsent,
unanswered or failed, connections dropped before accept, or a p99 above the bound. No, where nothing
of that is so. Nothing, where the trial cannot tell: the load engine was near its own limit, the
machine was disturbed, the record is broken. Whether it can tell must not depend on what it tells:
if only the bad answers of disturbed trials were dropped, every server would look better than it is.
Gates on the metering of CPU time are silent: none is read here.

Crossover asks "does A need more than B?", of two trials of one round.
"""

from dataclasses import dataclass

from lab import gates
from lab.gates.load import ACHIEVED_SHARE, ENGINE_SHARE_WARN
from lab.measure import ACTIVE, US, Unmeasured, engine_share, merged, value
from lab.model import Cell, ClassName
from lab.record import GateResult, Record
from lab.search.shapes import KNEE, CapacitySearch, CrossoverSearch
from loadtests.engine.histogram import supports

ENGINES = frozenset({"generator-saturated", "generator", "read-lag"})  # whose warnings count, too
METERING = frozenset({"drift", "window-edges", "meter-closure"})
SERVERS = frozenset({"errors", "offered-vs-achieved", "accept-drops", "server-died"})


@dataclass(frozen=True)
class Outcome:
    """yes: None where the trial cannot tell. value: p99 in us, or the ratio; None: there is none.

    gate: which forbids to tell. walled: the load engine was near its limit.
    """

    yes: bool | None
    value: float | None
    why: str
    gate: str = ""
    walled: bool = False


def capacity(record: Record, cell: Cell, search: CapacitySearch) -> Outcome:
    """Was the rate too much for the server?"""
    results = gates.check(record, cell)
    blind = [one for one in results if _blinds(one)]
    if blind:
        return Outcome(None, None, blind[0].why, blind[0].gate, _is_engine_busy(record))
    p99 = _p99(record, search.connection_class)
    why = _refused(record, [one for one in results if one.state == "void"])
    if why:
        return Outcome(yes=True, value=p99, why=why)
    if p99 is None:
        return Outcome(None, None, "too few requests for a p99", "resolution")
    too_much = p99 > search.p99 * 1e6
    return Outcome(too_much, p99, f"p99 {p99 / 1000:.2f} ms" if too_much else "holds")


def _blinds(one: GateResult) -> bool:
    if one.gate in ENGINES:
        return one.state != "ok"
    return one.state == "void" and one.gate not in SERVERS | METERING


def _is_engine_busy(record: Record) -> bool:
    """Did the engine itself use most of its core? Without that, others kept it from its core."""
    return bool(record.engines) and engine_share(record) > ENGINE_SHARE_WARN


def _refused(record: Record, void: list[GateResult]) -> str:
    """Say in what the server failed but in time; "": in nothing."""
    failed: dict[str, int] = {}
    scheduled = completed = 0
    for engine in record.engines:
        for name, found in engine.classes.items():
            if name in ACTIVE:
                scheduled += found.window.scheduled
                completed += found.window.completed
            for kind, n in found.total.failed.items():
                failed[kind] = failed.get(kind, 0) + n
    if any(failed.values()):
        return ", ".join(f"{n} {kind}" for kind, n in sorted(failed.items()) if n)
    if completed < ACHIEVED_SHARE * scheduled:
        return f"{completed} of {scheduled} answered in time"
    mine = [one for one in void if one.gate in SERVERS]
    return mine[0].why if mine else ""


def _p99(record: Record, of: ClassName | None) -> float | None:
    times = merged(record, "response", (of,) if of else ACTIVE)
    return times.quantile(99_000) / US if supports(0.99, times.count) else None


def single(record: Record, cell: Cell, search: CrossoverSearch) -> float | Outcome:
    """Return the metric of one arm, or why there is none."""
    void = [one for one in gates.check(record, cell) if one.state == "void"]
    if void:
        return Outcome(None, None, void[0].why, void[0].gate)
    try:
        of = (search.connection_class,) if search.connection_class else ACTIVE
        found = value(record, search.metric, of)
    except Unmeasured as why:
        return Outcome(None, None, str(why), "unmeasured")
    return (
        found if found > 0 else Outcome(None, None, f"{search.metric} is {found:g}", "unmeasured")
    )


def crossover(a: float, b: float) -> Outcome:
    """Does A need more than B? value: A over B. Equal figures say nothing."""
    ratio = a / b
    return Outcome(ratio > KNEE if ratio != KNEE else None, ratio, f"ratio {ratio:.3f}")
