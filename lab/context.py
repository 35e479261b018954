"""What a report shows beside the verdicts: cells, ladders, crossovers. No part of a verdict."""

import math
from collections.abc import Callable, Sequence
from statistics import median

from lab import drivers
from lab.achieved import achieved, class_words
from lab.claims import CrossoverClaim, GrowthClaim, SlopeClaim
from lab.course_words import pace_words
from lab.data import CellData, Data
from lab.drivers import unseen
from lab.measure import (
    Unmeasured,
    engine_share,
    events_per_wait,
    merged,
    server_share,
    switches,
)
from lab.metrics import METRICS
from lab.model import ECHO, Cell, ClassLoad, ClassName, Plan
from lab.record import Record
from lab.report.model import (
    CellSummary,
    CrossoverLine,
    Estimate,
    Ladder,
    Percentile,
    Point,
    Spread,
)
from lab.schema import Lab
from lab.stats.crossover import find
from lab.stats.signed_rank import estimate, interval
from lab.verdicts import LOOK_ALPHA
from loadtests.engine.classes import NAMES
from loadtests.engine.histogram import bounds, index_of, supports

SHOWN = ("cpu", "cpu-raw", "throughput", "pss")  # metrics of the cells table
PERCENTS = (50.0, 90.0, 99.0, 99.9)
KINDS = ("response", "service", "connect", "lag")
MECHANISM: dict[str, Callable[[Record], float]] = {
    "server CPU share": server_share,
    "load engine CPU share": engine_share,
    "load engine events per wait": events_per_wait,
    "server context switches per request": switches,
}


def on_log_scale(values: Sequence[float]) -> Estimate:
    """Hodges-Lehmann estimate and interval of positive values, taken on the log scale."""
    logs = [math.log(value) for value in values]
    low, high = interval(logs, LOOK_ALPHA)
    return Estimate(
        value=math.exp(estimate(logs)),
        low=math.exp(low) if math.isfinite(low) else None,
        high=math.exp(high) if math.isfinite(high) else None,
    )


def load_words(load: dict[ClassName, ClassLoad]) -> str:
    """Say a cell's load in a few words."""
    return "; ".join(_class_words(name, spec) for name, spec in load.items())


def cell_words(cell: Cell) -> str:
    """Say a cell's load, and who makes it where that is not the load engine."""
    who, load = drivers.words(cell.driver), dict(cell.load)
    if not unseen(cell.driver):
        return f"{load_words(load)}; {who}" if who else load_words(load)
    users = sum(load.pop(name).connections for name in unseen(cell.driver) & load.keys())
    said = f"{users} users: {who}"
    return f"{said}; {load_words(load)}" if load else said


def _class_words(name: ClassName, spec: ClassLoad) -> str:
    what = f"{spec.payload} B" if spec.path == ECHO else spec.path
    return class_words(name, spec, pace_words(spec), what)


def summary(plan: Plan, data: Data, cell: Cell) -> CellSummary:
    """Sum one cell up."""
    found = data.cells[cell.id]
    return CellSummary(
        id=cell.id,
        experiment=cell.experiment,
        arm=cell.arm,
        server=cell.server,
        factors=cell.factors,
        load=cell_words(cell),
        planned=max(plan.looks),
        usable=len(found.usable),
        attempts=found.attempts,
        voids=dict(sorted(found.voids.items())),
        metrics=[s for metric in SHOWN if (s := _spread(data, cell.id, metric))],
        latency=_latencies(found, cell),
        mechanism=_mechanism(found),
        connections=achieved(found.usable.values(), cell),
    )


def _spread(data: Data, cell: str, metric: str) -> Spread | None:
    values = list(data.values(cell, metric).values())
    if not values or min(values) <= 0:
        return None
    unit = METRICS[metric.removesuffix("-raw")].unit
    return Spread(metric=metric, unit=unit, trials=len(values), estimate=on_log_scale(values))


def _mechanism(found: CellData) -> dict[str, float]:
    shown = {}
    for name, take in MECHANISM.items():
        values = []
        for record in found.usable.values():
            try:
                values.append(take(record))
            except Unmeasured:
                continue
        if values:
            shown[name] = median(values)
    return shown


def _latencies(found: CellData, cell: Cell) -> list[Percentile]:
    classes = [name for name in NAMES if name in cell.load]
    return [
        shown
        for name in classes
        for kind in KINDS
        for percent in PERCENTS
        if (shown := _percentile(found, name, kind, percent))
    ]


def _percentile(found: CellData, name: ClassName, kind: str, percent: float) -> Percentile | None:
    """One percentile over trials; None where a trial cannot support it."""
    histograms = [merged(record, kind, (name,)) for record in found.usable.values()]
    if not histograms or not all(supports(percent / 100, h.count) for h in histograms):
        return None
    values = [h.quantile(round(percent * 1000)) for h in histograms]
    if min(values) <= 0:
        return None
    return Percentile.model_validate(
        {
            "connection_class": name,
            "kind": kind,
            "percent": percent,
            "trials": len(values),
            "samples": min(h.count for h in histograms),
            "resolution_ns": max(bounds(index_of(v))[1] for v in values),
            "ns": on_log_scale([float(value) for value in values]),
        }
    )


def ladders(lab: Lab, plan: Plan, data: Data, classes: dict[str, str]) -> list[Ladder]:
    """Return the cost over each factor that a growth or slope claim climbs, one line per arm.

    classes: arm's growth in words by `experiment/arm`, as decided.
    """
    climbed = sorted(
        {
            (claim.experiment, claim.over, claim.metric)
            for name in plan.claims
            if isinstance(claim := lab.claims[name], GrowthClaim | SlopeClaim | CrossoverClaim)
        }
    )
    return [
        line
        for experiment, factor, metric in climbed
        for arm in lab.experiments[experiment].arms
        if (line := _ladder(plan, data, experiment, factor, metric, arm, classes))
    ]


def _ladder(
    plan: Plan,
    data: Data,
    experiment: str,
    factor: str,
    metric: str,
    arm: str,
    classes: dict[str, str],
) -> Ladder | None:
    mine = [c for c in plan.cells if c.experiment == experiment and c.arm == arm]
    points = []
    for cell in sorted(mine, key=lambda cell: cell.factors.get(factor, 0)):
        values = list(data.values(cell.id, metric).values())
        if values and factor in cell.factors:
            level = cell.factors[factor]
            points.append(Point(level=level, y=on_log_scale(values), blocks=len(values)))
    if len(points) < 2:
        return None
    return Ladder(
        experiment=experiment,
        factor=factor,
        arm=arm,
        metric=metric,
        unit=METRICS[metric].unit,
        points=points,
        verdict=classes.get(f"{experiment}/{arm}", ""),
    )


def crossover_line(
    claim: CrossoverClaim, levels: Sequence[float], rows: Sequence[Sequence[float]]
) -> CrossoverLine | None:
    """Return the ratio over the factor with its crossing. rows: ln(a/b) per block and level."""
    if not rows:
        return None
    found = find(levels, rows, LOOK_ALPHA, math.log(claim.threshold))
    points = [
        Point(
            level=round(level),
            y=on_log_scale([math.exp(row[i]) for row in rows]),
            blocks=len(rows),
        )
        for i, level in enumerate(levels)
    ]
    at = None
    if found.estimate is not None:
        at = Estimate(value=found.estimate, low=found.low, high=found.high)
    return CrossoverLine(
        claim=claim.id,
        experiment=claim.experiment,
        factor=claim.over,
        ratio=str(claim.ratio),
        threshold=claim.threshold,
        points=points,
        at=at,
        state=str(found.state),
        why=found.why,
    )


def spread_of_spins(records: Sequence[Record]) -> float | None:
    """(p90 - p10) / median of the calibration spin: how much the machine's speed moved."""
    spins = sorted(
        spin for r in records if r.noise for spin in (r.noise.spin_before_ns, r.noise.spin_after_ns)
    )
    if len(spins) < 10:
        return None
    tenth = len(spins) // 10
    return (spins[-1 - tenth] - spins[tenth]) / median(spins)
