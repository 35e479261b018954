"""Vega-Lite specifications of the report's charts, made by Altair, as plain JSON values.

Rules. Equal results give equal specifications: no generated names, so no selections and no named
views. Colours are CSS variables of the page (`var(--s1)`): so a chart follows dark mode and print.
An arm has a colour, a dash and a shape, so that colour is never the only sign. The legend is the
page's: a chart's own is cut off on a narrow screen. Charts take the width of their container.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt

from lab.report import forest, words
from lab.report.model import CellSummary, CrossoverLine, Estimate, Ladder, Percentile, Point

Spec = dict[str, Any]
Row = dict[str, Any]  # one datum of a chart
Table = Mapping[str, Sequence[float | None]]  # rows of numbers, in the order of columns
COLOURS = tuple(f"var(--s{i})" for i in range(1, 9))
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
DASHES = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3), (4, 4), (10, 2))
SNIPPET = "window.vegaEmbed = vegaEmbed;"  # all that the page's own script calls
INK = "var(--ink)"
POINT = {"filled": True, "size": 70, "opacity": 1}
LABEL = alt.ExprRef("containerSize()[0] < 500 ? 120 : 280")  # px of a row's name
FONT = "system-ui, sans-serif"  # as the page: a label is measured in it before it is placed
HEIGHT = 280  # px: a phone held upright shows the whole chart
ROW = 24  # px of one row of the latency chart
ROOM = 1.06  # ratio of axis to data, at both ends of a log axis
WIDE = 10.0  # highest over lowest value from which a log scale reads better
PERCENTS = (50.0, 90.0, 99.0, 99.9)  # drawn; others stand in the table alone


def bundle() -> str:
    """Give the JavaScript of vega, vega-lite and vega-embed: 0.9 MB, once per report."""
    import vl_convert  # noqa: PLC0415  (30 MB of Rust: only for a report with charts)

    major, minor, *_ = alt.SCHEMA_VERSION.lstrip("v").split(".")
    return str(vl_convert.javascript_bundle(SNIPPET, vl_version=f"{major}.{minor}"))


def growth(ladders: Sequence[Ladder]) -> Spec:
    """Cost over a factor: a line, a band and points per arm. They share factor and unit."""
    first = ladders[0]
    arms = [ladder.arm for ladder in ladders]
    rows = [
        _row(point, arm=ladder.arm, said=words.estimate(point.y, first.unit))
        for ladder in ladders
        for point in ladder.points
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=_levels(first.factor, [point.level for ladder in ladders for point in ladder.points]),
        color=by_arm(alt.Color, arms, COLOURS),
    )
    y = _y(f"{words.metric(first.metric)}, {first.unit}", rows)
    layers = [
        base.mark_area(opacity=0.16).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(strokeWidth=2).encode(y=y, strokeDash=by_arm(alt.StrokeDash, arms, DASHES)),
        base.mark_rule(strokeWidth=1.5).encode(y="low:Q", y2="high:Q"),
        base.mark_point(**POINT).encode(
            y=y, shape=by_arm(alt.Shape, arms, SHAPES), tooltip=_tips(first.factor, "arm")
        ),
    ]
    return finish(alt.layer(*layers).properties(height=HEIGHT))


def crossover(line: CrossoverLine) -> Spec:
    """Ratio over a factor with its band, the threshold, and the crossing with its interval."""
    rows = [_row(point, arm=line.ratio, said=words.ratio(point.y)) for point in line.points]
    levels = [point.level for point in line.points]
    base = alt.Chart(alt.Data(values=rows)).encode(x=_levels(line.factor, levels))
    y = y_ratio(f"{line.ratio}, log scale", rows, line.threshold, 1.0)
    layers = [
        *_crossing(line.at, levels),
        rule(1.0, (1, 0), 1.0),
        rule(line.threshold, (6, 4), 1.5),
        base.mark_area(opacity=0.18, color=COLOURS[0]).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(strokeWidth=2, color=COLOURS[0]).encode(y=y),
        base.mark_rule(strokeWidth=1.5, color=COLOURS[0]).encode(y="low:Q", y2="high:Q"),
        base.mark_point(**POINT, color=COLOURS[0]).encode(y=y, tooltip=_tips(line.factor, "arm")),
    ]
    return finish(alt.layer(*layers).properties(height=HEIGHT))


def spread(tables: Iterable[Table]) -> float:
    """Return the ratio of highest to lowest that a log scale needs to hold any of these tables.

    0: none of them spans as much as calls for one, or one cannot stand on it.
    """
    ends = [(min(values), max(values)) for values in map(_numbers, tables)]
    if min(low for low, _ in ends) <= 0:
        return 0.0
    widest = max(high / low for low, high in ends)
    return widest if widest >= WIDE else 0.0


def _numbers(table: Table) -> list[float]:
    return [value for numbers in table.values() for value in numbers if value is not None]


def shape(
    columns: Sequence[str],
    names: Sequence[str],
    table: Table,
    title: str,
    height: int,
    *,
    spread: float,
) -> Spec:
    """A table's rows as lines over its columns, in their order; a number that is lacking, a gap.

    names: all that share the signs, of this table and of the one beside it. spread: of the log
    scale, highest to lowest, the same for both, so that a slope here is as steep as one there; 0:
    a linear one.
    """
    rows = [
        {"arm": name, "column": column, "value": value, "said": words.number(value)}
        for name, numbers in table.items()
        for column, value in zip(columns, numbers, strict=True)
        if value is not None
    ]
    scale = alt.Scale(type="linear", zero=True)
    if spread:
        middle = math.sqrt(min(_numbers(table)) * max(_numbers(table)))
        half = math.sqrt(spread) * ROOM
        scale = alt.Scale(type="log", domain=[middle / half, middle * half], nice=False)
    x = alt.X("column:N", title=None, sort=None, scale=alt.Scale(domain=list(columns)))
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=x.axis(labelAngle=0, labelOverlap="greedy", grid=False),
        y=y_axis(f"{title}, log scale" if spread else title, scale),
        color=by_arm(alt.Color, names, COLOURS),
    )
    tips = [alt.Tooltip("arm:N"), alt.Tooltip("column:N"), alt.Tooltip("said:N", title="value")]
    layers = [
        base.mark_line(strokeWidth=2).encode(strokeDash=by_arm(alt.StrokeDash, names, DASHES)),
        base.mark_point(**POINT).encode(shape=by_arm(alt.Shape, names, SHAPES), tooltip=tips),
    ]
    return finish(alt.layer(*layers).properties(height=height))


def latency(cells: Sequence[CellSummary], connection_class: str) -> Spec | None:
    """Response (filled) beside service (hollow) time of one class; None without any."""
    rows = [
        _latency_row(cell, item)
        for cell in cells
        for item in cell.latency
        if item.connection_class == connection_class
        and item.kind in ("response", "service")
        and item.percent in PERCENTS
    ]
    if not rows:
        return None
    names = list(dict.fromkeys(str(row["cell"]) for row in rows))
    percents = [f"p{percent:g}" for percent in PERCENTS]
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("cell:N", title=None, sort=names, axis=alt.Axis(labelLimit=LABEL, grid=True)),
        color=_by("percent", alt.Color, percents, COLOURS),
    )
    points = base.encode(
        x=_milliseconds(),
        shape=_by("percent", alt.Shape, percents, SHAPES),
        tooltip=_latency_tips(),
    )
    layers = [
        base.mark_rule(strokeWidth=1.5).encode(x="low:Q", x2="high:Q"),
        points.transform_filter("datum.kind === 'response'").mark_point(**POINT),
        points.transform_filter("datum.kind === 'service'").mark_point(
            **(POINT | {"filled": False})
        ),
    ]
    return finish(alt.layer(*layers).properties(height=ROW * len(names)))


def _milliseconds() -> alt.X:
    scale = alt.Scale(type="log", nice=False, padding=12)
    axis = alt.Axis(tickCount=4, labelOverlap="greedy", format="~g")
    return alt.X("ms:Q", title="milliseconds, log scale", scale=scale, axis=axis)


def cell_name(cell: CellSummary) -> str:
    """Name a cell inside its experiment: `select, idle 900`."""
    return ", ".join(part for part in (cell.arm, words.factors(cell.factors)) if part)


def _row(point: Point, *, arm: str, said: str) -> Row:
    row: Row = {"arm": arm, "level": point.level, "value": point.y.value}
    row |= {"said": said, "blocks": point.blocks}
    if point.y.low is not None and point.y.high is not None:  # an open end has no band
        row |= {"low": point.y.low, "high": point.y.high}
    return row


def _latency_row(cell: CellSummary, item: Percentile) -> Row:
    row: Row = {"cell": cell_name(cell), "kind": item.kind}
    row |= {"percent": words.percentile(item), "ms": item.ns.value / 1e6}
    row |= {"said": words.time_estimate(item.ns), "samples": item.samples, "trials": item.trials}
    if item.ns.low is not None and item.ns.high is not None:
        row |= {"low": item.ns.low / 1e6, "high": item.ns.high / 1e6}
    return row


def _levels(factor: str, levels: Sequence[int]) -> alt.X:
    """Give an x axis on which 0, 100 and 4000 all stand apart, labelled at the levels."""
    distinct = sorted(set(levels))
    least = next((level for level in distinct if level > 0), 1)
    scale = alt.Scale(type="symlog", constant=least, nice=False, padding=14)
    axis = alt.Axis(values=distinct, format=",d", labelOverlap="greedy", grid=False)
    return alt.X("level:Q", title=f"{factor} (log-like scale)", scale=scale, axis=axis)


def _y(title: str, rows: Sequence[Row]) -> alt.Y:
    """Give a y axis from zero, or a log scale where the values span a factor of ten."""
    values = _ends(rows)
    if values and min(values) > 0 and max(values) / min(values) >= WIDE:
        return y_axis(f"{title}, log scale", alt.Scale(type="log", nice=True))
    return y_axis(title, alt.Scale(type="linear", zero=True))


def y_ratio(title: str, rows: Sequence[Row], *also: float) -> alt.Y:
    """Give a log axis, on which m and 1/m are equally far from 1, with readable ticks."""
    values = [*_ends(rows), *also]
    low, high = min(values) / ROOM, max(values) * ROOM
    scale = alt.Scale(type="log", nice=False, domain=[low, high])
    return y_axis(title, scale, values=forest.log_ticks(low, high), format="~g")


def _ends(rows: Sequence[Row]) -> list[float]:
    return [row[key] for row in rows for key in ("value", "low", "high") if key in row]


def y_axis(title: str, scale: alt.Scale, **options: Any) -> alt.Y:
    """Put the title flat above the axis: turned by 90 degrees it takes width a phone lacks."""
    place = {
        "titleAngle": 0,
        "titleAlign": "left",
        "titleAnchor": "end",
        "titleX": 0,
        "titleY": -14,
    }
    axis = alt.Axis(tickCount=5, **place, **options)
    return alt.Y("value:Q", title=title, scale=scale, axis=axis)


def by_arm(channel: Any, arms: Sequence[str], signs: Sequence[object]) -> Any:
    """Give each arm its sign: the same in every chart."""
    return _by("arm", channel, arms, signs)


def _by(field: str, channel: Any, domain: Sequence[str], signs: Sequence[object]) -> Any:
    given = [signs[i % len(signs)] for i in range(len(domain))]
    scale = alt.Scale(domain=list(domain), range=given)
    return channel(f"{field}:N", scale=scale, legend=None)


def rule(y: float, dash: Sequence[int], width: float) -> alt.Chart:
    """Draw a level line across the chart."""
    data = alt.Data(values=[{"value": y}])
    mark = {"strokeDash": list(dash), "strokeWidth": width, "color": INK, "opacity": 0.7}
    return alt.Chart(data).mark_rule(**mark).encode(y="value:Q")


def _crossing(at: Estimate | None, levels: Sequence[int]) -> list[alt.Chart]:
    """Mark where the lines cross; an open end of the interval reaches to the edge of the ladder."""
    if at is None or not levels:
        return []
    low = min(levels) if at.low is None else at.low
    high = max(levels) if at.high is None else at.high
    row = {"level": at.value, "low": low, "high": high, "said": words.estimate(at)}
    base = alt.Chart(alt.Data(values=[row])).encode(
        tooltip=[alt.Tooltip("said:N", title="crossing")]
    )
    return [
        base.mark_rect(opacity=0.14, color=COLOURS[1]).encode(x="low:Q", x2="high:Q"),
        base.mark_rule(strokeWidth=2, color=COLOURS[1]).encode(x="level:Q"),
    ]


def _tips(factor: str, series: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip(f"{series}:N"),
        alt.Tooltip("level:Q", title=factor, format=",d"),
        alt.Tooltip("said:N", title="estimate"),
        alt.Tooltip("blocks:Q"),
    ]


def _latency_tips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("cell:N"),
        alt.Tooltip("kind:N", title="time"),
        alt.Tooltip("percent:N", title="percentile"),
        alt.Tooltip("said:N", title="estimate"),
        alt.Tooltip("samples:Q", format=",d"),
        alt.Tooltip("trials:Q"),
    ]


def finish(chart: Any) -> Spec:
    """Give the chart as JSON values, without the schema's address: no URL in a report."""
    spec: Spec = (
        chart.properties(width="container", background="transparent")
        .configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(
            labelFontSize=12, titleFontSize=12, titleFontWeight="normal", titlePadding=8
        )
        .to_dict()
    )
    spec.pop("$schema", None)
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return spec
