"""Who wins where, drawn: a cell for each two levels, coloured by the arm that costs least there.

Strong where it wins, pale where others are like it: there is no meaningful difference. A mark
across a row says where the two arms beside it change places, the bar its interval. The names stand
in the cells, so that colour is never the only sign and the picture needs no legend.

Cells are equally wide whatever their levels are; between two levels a place is found on ln(1 + x),
as crossovers are drawn (lab.stats.crossover).
"""

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import altair as alt
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.errors import UsageError
from lab.report import charts, figures, words
from lab.report.charts import COLOURS, INK, Spec
from lab.report.model import Boundary, MapCell, Results, WinnerMap

CELL = 112  # px of a cell's height
STRONG, PALE = 0.5, 0.17  # opacity; text in the page's ink can be read on both
NAMED = 2  # arms that are like the cheapest and have room in its cell
ROOM = 28  # characters of a line in a cell
WHOLE = 10  # times, from which no decimal is told
LINE = 15  # px
WIDTH = 880  # px of the picture
PAPER = {"ink": "#1b2128", "soft": "#56616d", "line": "#d9dee3"}
PAPER |= {
    f"s{i}": f"#{colour}"
    for i, colour in enumerate(
        ("0b62b8", "c2500a", "0b7d68", "8a3a9c", "8a6d00", "b3264f", "3c6e8f", "5b5b5b"), 1
    )
}  # as templates/report.css has them on paper


def figures_of(maps: Iterable[WinnerMap], specs: dict[str, Spec]) -> list[dict[str, Any]]:
    """Arrange the maps for the page, and file their charts."""
    return [_figure(f"chart.map-{i}", one, specs) for i, one in enumerate(maps, 1)]


def _figure(name: str, one: WinnerMap, specs: dict[str, Spec]) -> dict[str, Any]:
    specs[name] = charts.finish(chart(one))
    winners = {cell.cheapest for cell in one.cells}
    found = [(boundary, boundary.at) for boundary in one.boundaries if boundary.at is not None]
    return {
        "id": name,
        "map": one,
        "margin": f"{100 * (one.margin - 1):.0f} %",
        "legend": [
            figures.sign(i, arm) | {"shape": "square"}
            for i, arm in enumerate(one.arms)
            if arm in winners
        ],
        "rows": [(cell, [ratio(cell, arm, one.unit) for arm in one.arms]) for cell in one.cells],
        "boundaries": [(boundary, words.estimate(at)) for boundary, at in found],
    }


def ratio(cell: MapCell, arm: str, unit: str) -> str:
    """Write what an arm costs in a cell, against the cheapest; a dash where it has no number."""
    if arm == cell.cheapest:
        return words.estimate(words.in_unit(cell.costs[arm], unit), words.unit(unit))
    return words.ratio(cell.ratios[arm]) if arm in cell.ratios else words.DASH


def lines(cell: MapCell) -> list[str]:
    """Write what stands in a cell: who is cheapest, who is like it, who may be, who is dearer."""
    said = [cell.cheapest]
    for sign, arms in (("≈", cell.like), ("?", cell.unsure)):
        said += [f"{sign} {arm}" for arm in arms[:NAMED]]
        if len(arms) > NAMED:
            said[-1] = f"{sign} {len(arms) - NAMED + 1} others"
    near = {cell.cheapest, *cell.like, *cell.unsure}
    times = {arm: found.value for arm, found in cell.ratios.items() if arm not in near}
    dearer = sorted(times, key=lambda arm: (-times[arm], arm))
    for arm in dearer:
        told = f"{arm} {times[arm]:.{0 if times[arm] >= WHOLE else 1}f} ×"
        joined = f"{said[-1]}, {told}"
        if said[-1].endswith("×") and len(joined) <= ROOM:
            said[-1] = joined
        else:
            said.append(told)
    return said


def chart(one: WinnerMap) -> Any:
    """Draw the cells, their words, and the boundaries between those that win beside each other."""
    xs = sorted({cell.x for cell in one.cells})
    ys = sorted({cell.y for cell in one.cells})
    rows = [_row(cell, xs.index(cell.x), ys.index(cell.y), one) for cell in one.cells]
    base = alt.Chart(alt.Data(values=rows))
    colour = charts.by_arm(alt.Color, one.arms, COLOURS)
    rects = base.mark_rect(stroke="var(--line)", strokeWidth=1).encode(
        x=_axis(alt.X, "left", f"{one.x} connections", xs, "bottom"),
        x2="right:Q",
        y=_axis(alt.Y, "low", f"{one.y} connections", ys, "left"),
        y2="high:Q",
        color=colour,
        opacity=alt.Opacity("opacity:Q", scale=None),
        tooltip=_tips(one),
        description="said:N",  # to those who listen
    )
    room = alt.ExprRef(f"width / {len(xs)} - 2")
    texts = [_text(base, n, room) for n in range(max(len(row["lines"]) for row in rows))]
    layers = [rects, *texts, *_marks(one, xs, ys)]
    return alt.layer(*layers).properties(height=CELL * len(ys))


def _row(cell: MapCell, x: int, y: int, one: WinnerMap) -> dict[str, Any]:
    told = {f"cost {i}": ratio(cell, arm, one.unit) for i, arm in enumerate(one.arms)}
    place = f"{cell.x:,} {one.x}, {cell.y:,} {one.y}"
    alone = not cell.like and not cell.unsure
    return {
        "arm": cell.cheapest,
        "lines": lines(cell),
        "place": place,
        "said": f"{place}: {', '.join(lines(cell))}",
        **told,
        "opacity": STRONG if alone else PALE,
        "left": x - 0.5,
        "right": x + 0.5,
        "middle": x,
        "low": y - 0.5,
        "high": y + 0.5,
        "centre": y,
    }


def _axis(channel: Any, field: str, title: str, levels: Sequence[int], side: str) -> Any:
    """Give an axis of places, labelled with the levels that stand there."""
    last = len(levels) - 1
    labels = "".join(f"datum.value === {i} ? '{x:,}' : " for i, x in enumerate(levels)) + "''"
    flat = {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleX": 0, "titleY": -12}
    axis = alt.Axis(
        values=list(range(len(levels))),
        labelExpr=labels,
        grid=False,
        ticks=False,
        domain=False,
        **(flat if side == "left" else {}),
    )
    scale = alt.Scale(domain=[-0.5, last + 0.5], nice=False, zero=False)
    return channel(f"{field}:Q", title=title, axis=axis, scale=scale)


def _text(base: Any, number: int, room: alt.ExprRef) -> Any:
    """Write one line into each cell that has so many: the first in bold."""
    weight = "bold" if number == 0 else "normal"
    offset = LINE * number - CELL // 2 + LINE
    shown = base.transform_filter(f"datum.lines.length > {number}")
    named = shown.transform_calculate(line=f"datum.lines[{number}]")
    mark = named.mark_text(fontSize=12, fontWeight=weight, dy=offset, fill=INK, limit=room)
    return mark.encode(x="middle:Q", y="centre:Q", text="line:N")


def _tips(one: WinnerMap) -> list[alt.Tooltip]:
    arms = [alt.Tooltip(f"cost {i}:N", title=arm) for i, arm in enumerate(one.arms)]
    return [alt.Tooltip("place:N", title="at"), alt.Tooltip("arm:N", title="cheapest"), *arms]


def _marks(one: WinnerMap, xs: Sequence[int], ys: Sequence[int]) -> list[Any]:
    """Draw the boundaries: a tick where two arms change places, a bar for the interval."""
    rows = [_mark(boundary, xs, ys) for boundary in one.boundaries if boundary.shown]
    if not rows:
        return []
    base = alt.Chart(alt.Data(values=rows)).encode(
        tooltip=[alt.Tooltip("said:N", title="boundary")], y="y:Q"
    )
    ends = base.transform_filter("datum.y_low < datum.y_high")
    numbers = [
        base.transform_filter(f"datum.side === '{side}'")
        .mark_text(align=side, dx=shift, fontSize=12, fill=INK)
        .encode(x=f"{end}:Q", text="number:N")
        for side, shift, end in (("left", 7, "high"), ("right", -7, "low"))
    ]
    return [
        *numbers,
        base.mark_rule(strokeWidth=5, color=INK, opacity=0.35).encode(x="low:Q", x2="high:Q"),
        ends.mark_rule(strokeWidth=2.5, color=INK).encode(x="at:Q", y="y_low:Q", y2="y_high:Q"),
    ]


def _mark(one: Boundary, xs: Sequence[int], ys: Sequence[int]) -> dict[str, Any]:
    assert one.at is not None, "it is shown"
    low = -0.5 if one.at.low is None else position(one.at.low, xs)
    high = len(xs) - 0.5 if one.at.high is None else position(one.at.high, xs)
    row = ys.index(one.y)
    said = f"{one.then} overtakes {one.first} at {words.estimate(one.at)}"
    bottom = {"y": row - 0.36, "y_low": row - 0.46, "y_high": row - 0.26}
    number = {
        "number": words.number(one.at.value),
        "side": "left" if high < len(xs) - 1 else "right",
    }
    at = {"at": position(one.at.value, xs), "low": low, "high": high}
    return {"said": said, **at, **bottom, **number}


def position(level: float, levels: Sequence[int]) -> float:
    """Return where a level lies among those that were measured, whose places are 0, 1, 2, ..."""
    left = min(max(bisect_right(levels, level) - 1, 0), len(levels) - 2)
    low, high = (math.log1p(x) for x in levels[left : left + 2])
    return left + (math.log1p(max(level, 0.0)) - low) / (high - low)


def table(results: Results, console: Console) -> None:
    """Print the maps of a run: a row for each level of y, a column for each of x. None: nothing."""
    for one in results.maps:
        title = (
            f"{one.question} Cheapest; ≈ less than {100 * (one.margin - 1):.0f} % apart; ? unsure"
        )
        console.print(Text(f"\n{title}", style="bold"))
        xs = sorted({cell.x for cell in one.cells})
        shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for name in (f"{one.y} \\ {one.x}", *(f"{x:,}" for x in xs)):
            shown.add_column(Text(name), overflow="fold")
        for y in sorted({cell.y for cell in one.cells}):
            row = {cell.x: cell for cell in one.cells if cell.y == y}
            said = ("\n".join(lines(row[x])) if x in row else words.DASH for x in xs)
            shown.add_row(Text(f"{y:,}"), *map(Text, said))
        console.print(shown)
        for boundary in one.boundaries:
            if boundary.shown and boundary.at:
                at = words.estimate(boundary.at)
                changed = f"{boundary.then} overtakes {boundary.first} at {one.x} {at}"
                console.print(Text(f"  {one.y} {boundary.y:,}: {changed}"))


def write(results: Results, path: Path) -> None:
    """Write a run's map as a picture, SVG or PNG by the name's end. Raises UsageError."""
    import vl_convert  # noqa: PLC0415  (30 MB of Rust: only where a picture is asked for)

    if not results.maps:
        raise UsageError("this run has no map. Write lab run --profile map.")
    if path.suffix not in (".svg", ".png"):
        raise UsageError(f"{path.name} is no picture. Write .svg or .png.")
    spec = on_paper(results.maps[0])
    if path.suffix == ".svg":
        from lab.store import write_text  # noqa: PLC0415

        write_text(path, vl_convert.vegalite_to_svg(spec))
    else:
        path.write_bytes(vl_convert.vegalite_to_png(spec, scale=2))


def on_paper(one: WinnerMap) -> Spec:
    """Give the map as a picture of its own: with a title, colours of paper, and a width."""
    within = f"within {100 * (one.margin - 1):.0f} %"
    told = [
        f"Coloured by the cheapest in {words.metric(one.metric)}. Strong: it wins alone.",
        f"Pale: others are alike ({within}, ≈) or may be (?).",
        "Below: who is surely dearer, and how many times. Mark and bar: where two change places.",
    ]
    spec = charts.finish(chart(one))
    spec |= {"width": WIDTH, "background": "white", "padding": 14}
    spec["title"] = {
        "text": one.question,
        "subtitle": told,
        "anchor": "start",
        "fontSize": 16,
        "subtitleFontSize": 12,
        "subtitlePadding": 6,
        "offset": 26,
        "color": "var(--ink)",
        "subtitleColor": "var(--soft)",
    }
    spec.pop("autosize")
    text = json.dumps(spec).replace(charts.FONT, "DejaVu Sans, Verdana, sans-serif")
    coloured = re.sub(r"var\(--(\w+)\)", lambda found: PAPER[found[1]], text)
    return dict(json.loads(coloured))
