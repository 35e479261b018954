"""Loads that change, over time: what was due, what was done, how long it took.

Two charts per experiment, level and class: replies per second of each arm beside the schedule, and
their mean response time. The window is shaded: only that is judged, and not by these.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt

from lab.report import charts, words
from lab.report.charts import COLOURS, DASHES, HEIGHT, INK, Spec
from lab.report.model import Course, Moment

Row = dict[str, Any]
LOW = HEIGHT * 2 // 3  # px: two charts stand one above the other


def figures(courses: Iterable[Course], specs: dict[str, Spec]) -> list[dict[str, Any]]:
    """Arrange the courses for the page, and file their charts."""
    groups: dict[tuple[str, str, str], list[Course]] = {}
    for course in courses:
        key = (course.experiment, words.factors(course.factors), course.connection_class)
        groups.setdefault(key, []).append(course)
    return [
        _figure(f"chart.course-{i}", group, specs) for i, group in enumerate(groups.values(), 1)
    ]


def _figure(name: str, group: list[Course], specs: dict[str, Spec]) -> dict[str, Any]:
    specs[f"{name}-done"] = rates(group)
    specs[f"{name}-mean"] = times(group)
    first = group[0]
    return {
        "id": name,
        "first": first,
        "level": words.factors(first.factors),
        "scheduled": any(moment.due is not None for moment in first.moments),
        "legend": [_sign(i, course) for i, course in enumerate(group)],
        "arms": [course.arm for course in group],
        "rows": list(zip(*(course.moments for course in group), strict=True)),
    }


def _sign(index: int, course: Course) -> dict[str, str]:
    return {
        "name": course.arm,
        "note": words.plural(course.trials, "trial" if course.usable else "void trial"),
        "colour": COLOURS[index % len(COLOURS)],
        "shape": charts.SHAPES[index % len(charts.SHAPES)],
        "dash": " ".join(map(str, DASHES[index % len(DASHES)])),
    }


def rates(group: Sequence[Course]) -> Spec:
    """Draw replies per second of each arm, and what was due, if anything was."""
    rows = [
        _row(course, moment, moment.done) | {"failed": moment.failed}
        for course in group
        for moment in course.moments
    ]
    planned = [moment for moment in group[0].moments if moment.due is not None]
    due = [{"at": moment.at, "value": moment.due} for moment in planned]
    due += [{"at": moment.at + moment.lasts, "value": moment.due} for moment in planned[-1:]]
    layers = _lines(group, rows, "replies per second", alt.Scale(type="linear", zero=True))
    if due:
        mark = {"color": INK, "strokeDash": [3, 3], "opacity": 0.7, "interpolate": "step-after"}
        line = alt.Chart(alt.Data(values=due)).mark_line(**mark)
        layers.append(line.encode(x="at:Q", y="value:Q"))
    return _finish(group, layers)


def times(group: Sequence[Course]) -> Spec:
    """Draw the mean response time of each arm."""
    rows = [
        _row(course, moment, moment.mean / 1000) | {"most": (moment.most or 0) / 1000}
        for course in group
        for moment in course.moments
        if moment.mean
    ]
    title = "mean response time, milliseconds, log scale"
    return _finish(group, _lines(group, rows, title, alt.Scale(type="log", nice=True)))


def _row(course: Course, moment: Moment, value: float) -> Row:
    return {"arm": course.arm, "at": moment.at + moment.lasts / 2, "value": value}


def _lines(group: Sequence[Course], rows: Sequence[Row], title: str, scale: alt.Scale) -> list[Any]:
    arms = [course.arm for course in group]
    base = alt.Chart(alt.Data(values=list(rows))).encode(
        x=alt.X("at:Q", title="seconds since the load began", axis=alt.Axis(grid=False)),
        y=charts.y_axis(title, scale),
        color=charts.by_arm(alt.Color, arms, COLOURS),
    )
    tips = [
        alt.Tooltip("arm:N"),
        alt.Tooltip("at:Q", title="seconds", format=".2f"),
        alt.Tooltip("value:Q", title=title, format=",.3~f"),
    ]
    return [
        base.mark_line(strokeWidth=2).encode(
            strokeDash=charts.by_arm(alt.StrokeDash, arms, DASHES)
        ),
        base.mark_point(**charts.POINT | {"size": 40}).encode(
            shape=charts.by_arm(alt.Shape, arms, charts.SHAPES), tooltip=tips
        ),
    ]


def _finish(group: Sequence[Course], layers: Sequence[Any]) -> Spec:
    low, high = group[0].window
    data = alt.Chart(alt.Data(values=[{"low": low, "high": high}]))
    window = data.mark_rect(opacity=0.08, color=INK).encode(x="low:Q", x2="high:Q")
    return charts.finish(alt.layer(window, *layers).properties(height=LOW))
