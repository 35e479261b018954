"""What the mechanism ledgers of a run come to: a summary per cell, for the report.

Pure. Everything here explains and decides nothing: no verdict asks for it.
"""

from collections.abc import Sequence
from statistics import median

from lab import context
from lab.data import CellData, Data
from lab.measure import Unmeasured, completed_between, meter
from lab.mechanism import AGREE, FIGURES, Ledger, contradiction, figures
from lab.model import Cell, Plan
from lab.record import Record
from lab.report.model import Figure, Mechanism
from lab.traced import bounded
from servers.catalog import SERVERS


def summaries(plan: Plan, data: Data, ledgers: Sequence[Ledger]) -> list[Mechanism]:
    """Sum the ledgers up: one per cell that was to be traced, in the order of the plan."""
    wanted = {trial.cell for trial in plan.traced}
    return [
        _summary(cell, data.cells[cell.id], [one for one in ledgers if one.cell == cell.id])
        for cell in plan.cells
        if cell.id in wanted
    ]


def _summary(cell: Cell, timed: CellData, ledgers: Sequence[Ledger]) -> Mechanism:
    taken = [ledger for ledger in ledgers if figures(ledger)]
    reasons = dict.fromkeys(
        ledger.error.strip().splitlines()[-1] for ledger in ledgers if ledger.error
    )
    server = SERVERS.get(cell.server)
    against = [contradiction(server, ledger) for ledger in taken] if server else []
    calls = _spread([figures(ledger)["calls"] for ledger in taken])
    return Mechanism(
        cell=cell.id,
        experiment=cell.experiment,
        arm=cell.arm,
        server=cell.server,
        factors=cell.factors,
        load=context.load_words(taken[0].load if taken else bounded(cell).load),
        runs=len(taken),
        requests=round(sum(ledger.requests for ledger in taken)),
        figures=_figures(taken),
        calls=_by_name(taken),
        waits_in=sorted({name for one in taken if one.counts for name in one.counts.waits_in()}),
        agree=calls.high - calls.low <= AGREE * calls.median if calls and len(taken) > 1 else None,
        voluntary=_switches(timed, 0),
        involuntary=_switches(timed, 1),
        contradiction=next(filter(None, against), ""),
        why_not="; ".join(reasons) or ("" if taken else "the run ended before it was traced"),
    )


def _spread(values: Sequence[float]) -> Figure | None:
    if not values:
        return None
    return Figure(median=median(values), low=min(values), high=max(values))


def _figures(taken: Sequence[Ledger]) -> dict[str, Figure]:
    each = [figures(ledger) for ledger in taken]
    series = {name: [found[name] for found in each if name in found] for name in FIGURES}
    return {name: spread for name, values in series.items() if (spread := _spread(values))}


def _by_name(taken: Sequence[Ledger]) -> dict[str, float]:
    """Return the median of each call per request, the most frequent first."""
    each = [
        {name: n / ledger.requests for name, n in ledger.counts.calls.items()}
        for ledger in taken
        if ledger.counts
    ]
    names = dict.fromkeys(name for found in each for name in found)
    medians = {name: median(found.get(name, 0.0) for found in each) for name in names}
    return dict(sorted(medians.items(), key=lambda item: (-item[1], item[0])))


def _switches(timed: CellData, kind: int) -> float | None:
    """Return the median over the timed trials of one kind of context switch per request."""
    found = [pair[kind] for record in timed.usable.values() if (pair := switches(record))]
    return median(found) if found else None


def switches(record: Record) -> tuple[float, float] | None:
    """Return (voluntary, involuntary) context switches per request, of a timed trial.

    Of the tasks that live at both readings: where tasks end with their clients, there is no number.
    """
    try:
        found = meter(record)
    except Unmeasured:
        return None
    done = completed_between(record.engines, 0, found.slices[-1].at_ns)
    voluntary = found.after.voluntary - found.ready.voluntary
    involuntary = found.after.involuntary - found.ready.involuntary
    if done <= 0 or min(voluntary, involuntary) < 0:
        return None
    return voluntary / done, involuntary / done
