"""What the page shows beside the verdicts: growth, crossovers, latency and cells.

Each function turns a part of `Results` into the values that one piece of the template needs, and
files the charts' specifications under the id of the element that will hold them.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from lab.mechanism import FIGURES
from lab.report import charts, words
from lab.report.classes import figures as class_figures
from lab.report.model import CellSummary, CrossoverLine, Ladder, Mechanism, Percentile
from servers.catalog import RING

Specs = dict[str, charts.Spec]
KINDS = ("response", "service", "connect", "lag")  # of latency; the first two always side by side
STATES = {
    "found": "crosses once",
    "below-range": "crosses below the lowest level",
    "above-range": "crosses above the highest level",
    "none-in-range": "does not cross",
    "not-monotone": "crosses more than once",
}


def growth(ladders: Iterable[Ladder], specs: Specs) -> list[dict[str, Any]]:
    """Arrange one chart per experiment, factor and metric, an arm per line."""
    groups: dict[tuple[str, str, str, str], list[Ladder]] = {}
    for ladder in ladders:
        key = (ladder.experiment, ladder.factor, ladder.metric, ladder.unit)
        groups.setdefault(key, []).append(_readable(ladder))
    found = enumerate(groups.values(), 1)
    return [_growth(f"chart.growth-{i}", group, specs) for i, group in found]


def ladder(name: str, lines: Iterable[Ladder], specs: Specs) -> dict[str, Any]:
    """Arrange the ladder of one claim: its own arms at its own levels."""
    return _growth(name, [_readable(line) for line in lines], specs)


def _readable(ladder: Ladder) -> Ladder:
    """Give the ladder in the unit in which it is read."""
    points = [
        point.model_copy(update={"y": words.in_unit(point.y, ladder.unit)})
        for point in ladder.points
    ]
    return ladder.model_copy(update={"points": points, "unit": words.unit(ladder.unit)})


def _growth(name: str, group: list[Ladder], specs: Specs) -> dict[str, Any]:
    if any(ladder.points for ladder in group):
        specs[name] = charts.growth(group)
    return {
        "id": name,
        "first": group[0],
        "legend": [sign(i, line.arm, line.verdict) for i, line in enumerate(group)],
        "levels": sorted({point.level for line in group for point in line.points}),
        "rows": [(line, {point.level: point for point in line.points}) for line in group],
    }


def sign(index: int, name: str, note: str = "") -> dict[str, str]:
    """Give a line of the page's own legend: the colour, dash and shape that the chart uses."""
    dash = charts.DASHES[index % len(charts.DASHES)]
    return {
        "name": name,
        "note": note,
        "colour": charts.COLOURS[index % len(charts.COLOURS)],
        "shape": charts.SHAPES[index % len(charts.SHAPES)],
        "dash": " ".join(map(str, dash)),
    }


def crossovers(lines: Iterable[CrossoverLine], specs: Specs) -> list[dict[str, Any]]:
    """Arrange one chart per crossover claim."""
    return [_crossover(f"chart.crossover-{i}", line, specs) for i, line in enumerate(lines, 1)]


def _crossover(name: str, line: CrossoverLine, specs: Specs) -> dict[str, Any]:
    if line.points:
        specs[name] = charts.crossover(line)
    return crossover(name, line)


def crossover(name: str, line: CrossoverLine) -> dict[str, Any]:
    """Give the values of one crossover's figure, whose chart is filed under that name."""
    return {"id": name, "line": line, "state": STATES.get(line.state, line.state)}


def experiments(cells: Iterable[CellSummary], specs: Specs) -> list[dict[str, Any]]:
    """Arrange the cells by experiment: a column per metric, a latency figure per class."""
    ordered = sorted(cells, key=lambda cell: cell.experiment)  # stable: cells keep their order
    groups = groupby(ordered, lambda cell: cell.experiment)
    return [
        _experiment(f"chart.latency-{i}", n, list(g), specs) for i, (n, g) in enumerate(groups, 1)
    ]


def _experiment(stem: str, name: str, cells: list[CellSummary], specs: Specs) -> dict[str, Any]:
    columns = list(dict.fromkeys((s.metric, s.unit) for cell in cells for s in cell.metrics))
    classes = dict.fromkeys(item.connection_class for cell in cells for item in cell.latency)
    return {
        "name": name,
        "columns": [(metric, words.unit(unit)) for metric, unit in columns],
        "rows": [(cell, _metrics(cell, columns)) for cell in cells],
        "mechanism": list(dict.fromkeys(key for cell in cells for key in cell.mechanism)),
        "classes": class_figures(cells),
        "latency": [_latency(f"{stem}-{c}", name, c, cells, specs) for c in classes],
    }


def ledgers(mechanism: Iterable[Mechanism]) -> dict[str, dict[str, Any]]:
    """Arrange the mechanism ledgers by experiment: a row per cell, and the calls by name."""
    found: dict[str, list[Mechanism]] = {}
    for one in mechanism:
        found.setdefault(one.experiment, []).append(one)
    return {name: _ledger(cells) for name, cells in found.items()}


def _ledger(cells: list[Mechanism]) -> dict[str, Any]:
    taken = [cell for cell in cells if cell.runs]
    named = {cell.cell: f"{cell.arm} {words.factors(cell.factors)}".strip() for cell in cells}
    return {
        "levels": len({words.factors(cell.factors) for cell in taken}) > 1,
        "loads": list(dict.fromkeys(cell.load for cell in taken)),
        "columns": [words.ledger_column(name) for name in _speaking(taken)],
        "rows": [(cell, _ledger_row(cell, _speaking(taken))) for cell in taken],
        "switches": any(cell.voluntary is not None for cell in taken),
        "ring": any(name in RING for cell in taken for name in cell.waits_in),
        "names": list(dict.fromkeys(name for cell in taken for name in cell.calls)),
        "lacking": [(named[cell.cell], cell.why_not) for cell in cells if cell.why_not],
        "against": [(named[cell.cell], cell.contradiction) for cell in taken if cell.contradiction],
    }


def _speaking(taken: list[Mechanism]) -> list[str]:
    """Leave the figures out that are zero for all, or exist for none."""
    return [
        name
        for name in FIGURES
        if any(name in cell.figures and cell.figures[name].high > 0 for cell in taken)
    ]


def _ledger_row(cell: Mechanism, names: list[str]) -> list[str]:
    found = (cell.figures.get(name) for name in names)
    return [words.figure(one) if one else words.DASH for one in found]


def _metrics(cell: CellSummary, columns: list[tuple[str, str]]) -> list[str]:
    found = {(one.metric, one.unit): words.in_unit(one.estimate, one.unit) for one in cell.metrics}
    return [words.estimate(found[key]) if key in found else words.DASH for key in columns]


def _latency(
    name: str, experiment: str, connection: str, cells: list[CellSummary], specs: Specs
) -> dict[str, Any]:
    spec = charts.latency(cells, connection)
    if spec is not None:
        specs[name] = spec
    pairs = [(c, item) for c in cells for item in c.latency if item.connection_class == connection]
    percents = {item.percent for _, item in pairs}
    kinds = {item.kind for _, item in pairs}
    return {
        "id": name if spec is not None else "",
        "title": f"{experiment}, {connection} connections",
        "legend": [sign(i, f"p{p:g}") for i, p in enumerate(charts.PERCENTS) if p in percents],
        "shown": [kind for kind in KINDS if kind in KINDS[:2] or kind in kinds],
        "rows": _latency_rows(pairs),
    }


def _latency_rows(pairs: list[tuple[CellSummary, Percentile]]) -> list[dict[str, Any]]:
    """Put the kinds of one cell and percentile into one row."""
    rows: dict[tuple[str, float], dict[str, Any]] = {}
    for cell, item in pairs:
        row = rows.setdefault((cell.id, item.percent), {"cell": charts.cell_name(cell)})
        row["percentile"] = words.percentile(item)
        row[item.kind] = item
    return list(rows.values())
