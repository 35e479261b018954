"""The charts of one claim's page section: its ladder, its crossing, its blocks, its table's shape.

A claim on ratios or differences shows each block as a point, the interval as a band, and the
margins that it declared as dashed lines: what decides is whether the band crosses them.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt

from lab.report import charts, figures, words
from lab.report.charts import COLOURS, SHAPES, Spec
from lab.report.model import CrossoverLine, Replication, Verdict

LOW = 200  # px: less than a chart of its own section, for it stands among words


def arrange(
    verdict: Verdict, crossovers: Sequence[CrossoverLine], specs: dict[str, Spec]
) -> list[dict[str, Any]]:
    """Arrange the figures of a claim, and file their charts. Nothing measured: none."""
    name = f"chart.{verdict.claim}"
    found = []
    lines = [line for line in crossovers if line.claim == verdict.claim and line.points]
    if lines:
        specs[f"{name}.crossover"] = charts.crossover(lines[0])
        found.append(figures.crossover(f"{name}.crossover", lines[0]) | {"kind": "crossover"})
    if any(ladder.points for ladder in verdict.ladders):
        figure = figures.ladder(f"{name}.ladder", verdict.ladders, specs)
        found.append(figure | {"kind": "ladder"})
    if verdict.series and verdict.outcome not in words.NO_EFFECT:
        specs[f"{name}.blocks"] = blocks(verdict)
        found.append(_table(f"{name}.blocks", verdict) | {"kind": "blocks"})
    return found


def outline(name: str, found: Replication, specs: dict[str, Spec]) -> dict[str, Any] | None:
    """Arrange a table's shape beside the published one's, on scales of the same kind.

    Where some columns are numbers the others, a slope, are no levels, and are left to the table.
    None: no row has two numbers, which is no shape.
    """
    numeric = sorted((column for column in found.columns if column.isdecimal()), key=int)
    columns = numeric or found.columns
    tables = {
        "published": _columns(found, found.published, columns),
        "here": _columns(found, found.measured, columns),
    }
    shown = {where: table for where, table in tables.items() if table}
    if not shown:
        return None
    names = list(dict.fromkeys(row for table in shown.values() for row in table))
    spread = charts.spread(shown.values())
    for where, table in shown.items():  # its unit stands below the table
        spec = charts.shape(columns, names, table, where, LOW, spread=spread)
        specs[f"{name}.{where}"] = spec
    return {
        "charts": [(f"{name}.{where}", where) for where in shown],
        "legend": [figures.sign(i, name) for i, name in enumerate(names)],
    }


def _columns(
    found: Replication, table: charts.Table, columns: Sequence[str]
) -> dict[str, list[float | None]]:
    """Take these columns of the rows that have a number in two of them."""
    where = [found.columns.index(column) for column in columns]
    taken = {row: [numbers[i] for i in where] for row, numbers in table.items()}
    return {
        row: numbers for row, numbers in taken.items() if len(numbers) - numbers.count(None) > 1
    }


def _table(name: str, verdict: Verdict) -> dict[str, Any]:
    """Give the numbers of the chart: a row for each block, a column for each comparison."""
    values = [dict(zip(one.blocks, one.values, strict=True)) for one in verdict.series]
    numbers = sorted({block for one in verdict.series for block in one.blocks})
    names = _names(verdict)
    return {
        "id": name,
        "names": names,
        "margins": bool(_margins(verdict)),
        "used": verdict.blocks_used if _goes_on(verdict) else 0,
        "unit": "ratio" if verdict.series[0].scale == "ratio" else verdict.series[0].unit,
        "legend": [figures.sign(i, text) for i, text in enumerate(names)],
        "rows": [
            (block, [words.number(one[block]) if block in one else words.DASH for one in values])
            for block in numbers
        ],
        "estimates": [words.estimate(one.estimate) for one in verdict.series],
    }


def _goes_on(verdict: Verdict) -> bool:
    """Are there blocks behind those that decided? Their cells ran on for other claims."""
    return any(len(one.blocks) > verdict.blocks_used for one in verdict.series)


def short(name: str) -> str:
    """Leave the experiment's name out: `select/idle=900 : epoll/idle=900`."""
    left, colon, right = name.partition(" : ")
    if not colon:
        return name
    return " : ".join(part.partition("/")[2] or part for part in (left, right))


def blocks(verdict: Verdict) -> Spec:
    """Draw each block's number, the interval as a band, equality, and the declared margins.

    Hollow: what was measured when the claim had been decided.
    """
    ratio = verdict.series[0].scale == "ratio"
    names = _names(verdict)
    rows = [
        (number < verdict.blocks_used, {"arm": name, "block": block, "value": value})
        for name, one in zip(names, verdict.series, strict=True)
        for number, (block, value) in enumerate(zip(one.blocks, one.values, strict=True))
    ]
    points = alt.Chart().encode(
        x=alt.X(
            "block:Q",
            title="block",
            axis=alt.Axis(format="d", tickMinStep=1, grid=False),
            scale=alt.Scale(nice=False, zero=False, padding=12),
        ),
        y=_y(verdict, [row for _, row in rows], ratio=ratio),
        color=charts.by_arm(alt.Color, names, COLOURS),
        shape=charts.by_arm(alt.Shape, names, SHAPES),
        tooltip=[
            alt.Tooltip("arm:N", title="compared"),
            alt.Tooltip("block:Q"),
            alt.Tooltip("value:Q", title="ratio" if ratio else "difference", format=".4~g"),
        ],
    )
    marks = [
        points.mark_point(**(charts.POINT | {"filled": filled})).properties(
            data=alt.Data(values=[row for used, row in rows if used is filled])
        )
        for filled in (True, False)
        if filled or _goes_on(verdict)
    ]
    lines = [charts.rule(1.0 if ratio else 0.0, (1, 0), 1.0)]
    lines += [charts.rule(line, (6, 4), 1.5) for line in _margins(verdict)]
    layers = [*_bands(verdict, names), *lines, *marks]
    return charts.finish(alt.layer(*layers).properties(height=LOW))


def _names(verdict: Verdict) -> list[str]:
    """Say what each series compares."""
    of_growth = ", highest level over lowest" if verdict.kind == "growth" else ""
    return [f"{short(one.name)}{of_growth}" for one in verdict.series]


def _margins(verdict: Verdict) -> list[float]:
    """Return the lines that a ratio is held against: m, and 1/m where it may be too small."""
    if verdict.series[0].scale != "ratio" or not verdict.minimum:
        return []
    return [verdict.minimum, 1 / verdict.minimum]


def _y(verdict: Verdict, rows: Sequence[dict[str, Any]], *, ratio: bool) -> alt.Y:
    ends = [
        end
        for one in verdict.series
        for end in (one.estimate.low, one.estimate.high)
        if end is not None
    ]
    if ratio:
        return charts.y_ratio("ratio, log scale", rows, 1.0, *_margins(verdict), *ends)
    title = f"difference, {words.unit(verdict.series[0].unit)}"
    return charts.y_axis(title, alt.Scale(type="linear", zero=True))


def _bands(verdict: Verdict, names: Sequence[str]) -> list[alt.Chart]:
    """Give the interval of each comparison, from edge to edge; an open one has no band."""
    rows = [
        {"arm": name, "low": one.estimate.low, "high": one.estimate.high, "value": middle}
        for name, one in zip(names, verdict.series, strict=True)
        if one.estimate.low is not None and one.estimate.high is not None
        for middle in [one.estimate.value]
    ]
    if not rows:
        return []
    base = alt.Chart(alt.Data(values=rows)).encode(
        color=charts.by_arm(alt.Color, names, COLOURS),
    )
    return [
        base.mark_rect(opacity=0.14, strokeWidth=0).encode(y="low:Q", y2="high:Q"),
        base.mark_rule(strokeWidth=2).encode(y="value:Q"),
    ]
