"""Where the marks of the small plots go."""

import pytest

from lab.report import forest
from lab.report.model import Estimate

from . import sample_results as sample


def laid_out(value, low, high, sense="http2/epoll at least 1.3", **fields):
    effect = Estimate(value=value, low=low, high=high)
    verdict = sample.supported().model_copy(update={"effect": effect, "sense": sense, **fields})
    return forest.layout(verdict)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(4.05, 3.81, 4.31), (1.0, 0.999, 1.001), (300.0, 250.0, 380.0), (0.02, 0.01, 0.05)],
)
def test_all_marks_lie_inside_and_in_order(value, low, high):
    plot = laid_out(value, low, high)
    assert plot is not None
    assert 0 < plot.low < plot.value < plot.high < 100
    assert all(0 < mark.at < 100 for mark in [*plot.ticks, *plot.lines])
    assert 3 <= len(plot.ticks) <= forest.TICKS_MOST


def test_m_and_its_inverse_are_equally_far_from_one():
    plot = laid_out(1.0, 0.9, 1.1)
    assert [mark.label for mark in plot.lines] == ["1/1.30", "1.30"]
    below, above = (mark.at for mark in plot.lines)
    assert above - plot.equal == pytest.approx(plot.equal - below, abs=0.02)
    assert plot.zone == (below, above)


def test_an_open_end_reaches_the_edge():
    plot = laid_out(1.2, None, None)
    assert plot.open_low
    assert plot.open_high
    assert plot.low < 5
    assert plot.high > 95


def test_a_difference_lies_on_an_even_scale_from_zero():
    plot = laid_out(-0.02, -0.05, 0.01, scale="difference")
    assert plot.zone is None
    assert plot.low < plot.value < plot.equal < plot.high


def test_growth_is_a_ratio_with_no_line():
    plot = laid_out(3.5, 3.3, None, minimum=None)
    assert plot.lines == []
    assert plot.equal < plot.low < plot.value < plot.high


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": "void"},
        {"outcome": "skipped"},
        {"scale": "none"},
        {"scale": "level"},
        {"effect": None},
    ],
)
def test_nothing_is_drawn_where_the_numbers_say_nothing(fields):
    assert forest.layout(sample.supported().model_copy(update=fields)) is None
