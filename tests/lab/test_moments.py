"""A load that changes, over time: from records to what the page shows."""

import pytest

from lab.config import parse
from lab.data import Data
from lab.moments import courses
from lab.plan import expand
from lab.record import GateResult, LocustCount, Record, SeriesData
from lab.report import html
from lab.report.courses import figures
from lab.report.model import Course, Moment
from tests.lab import records as r
from tests.lab import sample_results as sample
from tests.lab.test_courses import text

STEP = 100 * r.MS
MS = 1e6


@pytest.fixture
def plan():
    lab = parse(text("connections: 4, stages: {step: [100/s, 2000/s]}").encode())
    return expand(lab, ["one"], "quick", 1)


def series(**changes):
    usual = {
        "step_ns": STEP,
        "due": [10] * 9 + [0] * 5,
        "completed": [10] * 9 + [0] * 5,
        "failed": [0] * 14,
        "response": [10 * 2 * r.MS] * 9 + [0] * 5,
        "most": [3 * r.MS] * 9 + [0] * 5,
    }
    return SeriesData.model_validate({**usual, **changes})


def trial(cell, *of_engines, block=0, **changes):
    """A record of the cell: a series for each engine's long connections, or None."""
    engines = []
    for one in of_engines:
        engine = r.engine()
        long = engine.classes["long"].model_copy(update={"series": one})
        engines.append(engine.model_copy(update={"classes": {"long": long}}))
    return r.record(cell=cell, block=block, experiment="one", engines=engines, **changes)


def shown(plan, records, monkeypatch, *, usable=True):
    """Courses of these records; gates have tests of their own."""
    found = GateResult(gate="errors", state="void", value=1, limit=0, why="made up")
    state = [] if usable else [found]
    monkeypatch.setattr("lab.data.gates.check", lambda *_: state)
    return courses(plan, Data(plan, records))


def test_engines_add_up_and_trials_are_averaged(plan, monkeypatch):
    cell = plan.cells[0].id
    records = [
        trial(cell, series(), series()),
        trial(cell, series(), series(completed=[30] + [10] * 13), block=1),
    ]
    [found] = shown(plan, records, monkeypatch)
    assert (found.cell, found.connection_class, found.trials) == (cell, "long", 2)
    assert found.window == pytest.approx((0.2, 0.8))
    assert len(found.moments) == 9  # the load; not half a second of waiting for the last replies
    first, second = found.moments[:2]
    assert (first.due, first.done) == pytest.approx((200, 300))
    assert (second.due, second.done) == pytest.approx((200, 200))
    assert second.mean == pytest.approx(2000)
    assert second.most == pytest.approx(3000)
    assert first.mean == pytest.approx(80 * 1000 / 60)  # sums over counts, no mean of means


def test_steps_without_replies_have_no_times(plan, monkeypatch):
    none = series(completed=[0] * 14, response=[0] * 14, most=[0] * 14, failed=[5] + [0] * 13)
    [found] = shown(plan, [trial(plan.cells[0].id, none)], monkeypatch)
    assert found.moments[0] == Moment(
        at=0, lasts=0.1, due=100, done=0, failed=50, mean=None, most=None
    )


def test_a_closed_load_has_nothing_due(plan, monkeypatch):
    [found] = shown(plan, [trial(plan.cells[0].id, series(due=[]))], monkeypatch)
    assert {moment.due for moment in found.moments} == {None}


def test_void_trials_are_shown_where_there_are_no_others(plan, monkeypatch):
    records = [trial(plan.cells[0].id, series())]
    [found] = shown(plan, records, monkeypatch, usable=False)
    assert not found.usable
    assert found.trials == 1


def test_records_without_a_series_have_no_course(plan, monkeypatch):
    broken = r.record(cell=plan.cells[1].id, experiment="one", engines=[], error="broke")
    assert shown(plan, [trial(plan.cells[0].id, None), broken], monkeypatch) == []


def test_a_record_with_a_series_survives_json():
    made = trial(
        "a cell", series(), locust=LocustCount(requests=1, failures=0, workers=1, lost_workers=0)
    )
    assert Record.model_validate_json(made.model_dump_json()) == made
    assert '"series"' not in r.record().model_dump_json()


def course(arm, due=100.0):
    moments = [
        Moment(
            at=k / 10, lasts=0.1, due=due, done=90.0 + k, failed=k, mean=500.0 * k or None, most=900
        )
        for k in range(9)
    ]
    return Course(
        cell=f"one/{arm}",
        experiment="one",
        arm=arm,
        factors={},
        connection_class="long",
        load=f"4 long {sample.HOSTILE}",
        window=(0.2, 0.8),
        trials=2,
        moments=moments,
    )


def page(*found):
    results = sample.full().model_copy(update={"courses": list(found)})
    specs = {}
    figures(found, specs)
    return html.render(results, bundle=False), specs


def test_the_page_has_two_charts_and_a_table_for_each_class():
    text, specs = page(course("select"), course("epoll"))
    assert list(specs) == ["chart.course-1-done", "chart.course-1-mean"]
    for name in specs:
        assert f'id="{name}"' in text
    section = text[
        text.index('<section id="page.courses">') : text.index('<section id="page.latency">')
    ]
    assert sample.HOSTILE not in section
    assert "due/s" in section
    assert section.count("<tr>") == 1 + 9
    assert "–" in section  # the first step has no mean


def test_the_chart_of_a_closed_load_has_no_schedule():
    _, open_specs = page(course("select"))
    text, specs = page(course("select", None))
    layers = len(specs["chart.course-1-done"]["layer"])
    assert layers == len(open_specs["chart.course-1-done"]["layer"]) - 1
    assert "due/s" not in text


def test_a_page_without_such_loads_says_nothing_of_them():
    text, specs = page()
    assert "Loads that change" not in text
    assert not specs
