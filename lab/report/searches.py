"""The searches of a run, for page and terminal: what was asked, what was answered, what was found.

A chart per turn: each trial a point at its level, above or below the line that decides, its colour
and shape by the answer; the band is the interval. The same as a table, level by level.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt
from rich.console import Console
from rich.text import Text

from lab.report import charts
from lab.report.charts import COLOURS, HEIGHT, INK, POINT, SHAPES, Spec
from lab.report.model import Results
from lab.search.result import Asked, SearchResult, Turn
from lab.search.words import lines

ANSWERS = {"capacity": ("holds", "too much"), "crossover": ("{a} needs less", "{b} needs less")}
MS = 1000.0  # us in a millisecond: p99 is drawn in those


def table(results: Results, console: Console) -> None:
    """Print what each search found. Nothing: nothing."""
    for one in results.searches:
        head, *rest = lines(one)
        console.print(Text(f"\n{head}", style="bold"))
        for line in rest:
            console.print(Text(line), soft_wrap=True)


def figures(searches: Iterable[SearchResult], specs: dict[str, Spec]) -> list[dict[str, Any]]:
    """Arrange the searches for the page, and file their charts."""
    return [_search(f"chart.search-{i}", one, specs) for i, one in enumerate(searches, 1)]


def _search(name: str, one: SearchResult, specs: dict[str, Spec]) -> dict[str, Any]:
    return {
        "search": one,
        "answers": answers(one),
        "legend": [_sign(i, text) for i, text in enumerate(answers(one))],
        "turns": [_turn(f"{name}-{i}", one, turn, specs) for i, turn in enumerate(one.turns, 1)],
    }


def answers(one: SearchResult) -> tuple[str, str]:
    """Return what "no" and "yes" mean, in this search."""
    no, yes = ANSWERS[one.kind]
    a, _, b = one.turns[0].arm.partition(" / ") if one.turns else ("a", "", "b")
    return no.format(a=a), yes.format(b=b)


def _sign(index: int, name: str) -> dict[str, str]:
    place = {"colour": COLOURS[index], "shape": SHAPES[index], "dash": ""}
    return {"name": name, "note": "", **place}


def _turn(name: str, one: SearchResult, turn: Turn, specs: dict[str, Spec]) -> dict[str, Any]:
    drawn = any(asked.values for asked in turn.levels)
    if drawn:
        specs[name] = chart(one, turn)
    rows = [(asked, _values(one, asked)) for asked in turn.levels]
    return {"id": name if drawn else "", "turn": turn, "rows": rows}


def _values(one: SearchResult, asked: Asked) -> str:
    shown = [_unit(one, value) for value in asked.values]
    digits = ".2f" if one.kind == "capacity" else ".3f"
    return ", ".join(f"{value:{digits}}" for value in shown)


def _unit(one: SearchResult, value: float) -> float:
    return value / MS if one.kind == "capacity" else value


def chart(one: SearchResult, turn: Turn) -> Spec:
    """Draw each trial at its level, the bound, and the interval."""
    no, yes = answers(one)
    bound = _unit(one, one.bound)
    rows = [
        {"level": asked.level, "value": _unit(one, value), "answer": _answer(one, asked, value)}
        for asked in turn.levels
        for value in asked.values
        if value > 0
    ]
    title = "p99 in ms" if one.kind == "capacity" else turn.arm
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=_levels(one, [asked.level for asked in turn.levels]),
        y=alt.Y("value:Q", title=f"{title}, log scale", scale=alt.Scale(type="log", nice=True)),
    )
    scale = alt.Scale(domain=[no, yes], range=list(COLOURS[:2]))
    shapes = alt.Scale(domain=[no, yes], range=list(SHAPES[:2]))
    points = base.mark_point(**(POINT | {"opacity": 0.75})).encode(
        color=alt.Color("answer:N", scale=scale, legend=None),
        shape=alt.Shape("answer:N", scale=shapes, legend=None),
        tooltip=[
            alt.Tooltip("level:Q", title=one.over, format=",d"),
            alt.Tooltip("value:Q", title=title, format=".3f"),
            alt.Tooltip("answer:N"),
        ],
    )
    line = alt.Chart(alt.Data(values=[{"value": bound}]))
    rule = line.mark_rule(strokeDash=[6, 4], color=INK, opacity=0.7).encode(y="value:Q")
    layers = [*_band(one, turn), rule, points]
    return charts.finish(alt.layer(*layers).properties(height=HEIGHT))


def _answer(one: SearchResult, asked: Asked, value: float) -> str:
    """Return what that value says; a level whose trials were all of one mind says it for all."""
    no, yes = answers(one)
    if not asked.no or not asked.yes:
        return yes if asked.yes else no
    return yes if value > one.bound else no


def _band(one: SearchResult, turn: Turn) -> list[alt.Chart]:
    if turn.low is None and turn.high is None:
        return []
    low = one.low if turn.low is None else turn.low
    high = one.high if turn.high is None else turn.high
    data = alt.Chart(alt.Data(values=[{"level": turn.estimate, "low": low, "high": high}]))
    band = data.mark_rect(opacity=0.14, color=COLOURS[2]).encode(x="low:Q", x2="high:Q")
    if turn.estimate is None:
        return [band]
    return [band, data.mark_rule(strokeWidth=2, color=COLOURS[2]).encode(x="level:Q")]


def _levels(one: SearchResult, asked: Sequence[int]) -> alt.X:
    least = next((level for level in sorted(asked) if level > 0), 1)
    scale = alt.Scale(type="symlog", constant=least, nice=False, padding=14)
    axis = alt.Axis(values=sorted(set(asked)), format=",d", labelOverlap="greedy", grid=False)
    return alt.X("level:Q", title=f"{one.over} (log-like scale)", scale=scale, axis=axis)
