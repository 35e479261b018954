"""A metric of an experiment as a Markdown table."""

import pytest

from lab.errors import UsageError
from lab.report.pivot import markdown
from tests.lab import sample_results


def lines(results, experiment="idle", metric="cpu"):
    return [
        [text.strip() for text in line.strip("|").split("|")]
        for line in markdown(results, experiment, metric).splitlines()
    ]


@pytest.fixture
def results():
    return sample_results.full()


def test_arms_go_down_and_levels_across(results):
    head, rule, *rows = lines(results, results.cells[0].experiment)
    levels = sorted({cell.factors["idle"] for cell in results.cells})
    assert head == ["idle", *(f"{level:,}" for level in levels)]
    assert rule == ["---", *["--:"] * len(levels)]
    assert [row[0] for row in rows] == list(dict.fromkeys(cell.arm for cell in results.cells))
    assert {len(row) for row in rows} == {len(levels) + 1}


def test_a_cell_has_its_interval_and_one_that_was_not_planned_is_empty(results):
    first = results.cells[0]
    cpu = next(spread.estimate for spread in first.metrics if spread.metric == "cpu")
    rows = {row[0]: row for row in lines(results, first.experiment)}
    text = f"{cpu.value:.3g} ({cpu.low:.3g}–{cpu.high:.3g})"
    assert text in rows[first.arm]
    gone = results.model_copy(update={"cells": results.cells[1:]})
    assert rows[first.arm][1:] != {r[0]: r for r in lines(gone, first.experiment)}[first.arm][1:]


def test_a_void_cell_says_which_gate(results):
    first = results.cells[0]
    void = first.model_copy(update={"metrics": [], "voids": {"drift": 3}})
    changed = results.model_copy(update={"cells": [void, *results.cells[1:]]})
    assert "void (drift)" in markdown(changed, first.experiment, "cpu")


def test_an_unknown_experiment_is_told_with_those_there_are(results):
    with pytest.raises(UsageError, match=f"Write one of {results.cells[0].experiment}"):
        markdown(results, "nope", "cpu")


def test_two_factors_make_no_table(results):
    wide = results.cells[0].model_copy(update={"factors": {"idle": 1, "busy": 2}})
    with pytest.raises(UsageError, match="several factors"):
        markdown(results.model_copy(update={"cells": [wide]}), wide.experiment, "cpu")
