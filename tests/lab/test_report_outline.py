"""The charts of a replicated table: its shape here beside the published one's."""

import pytest

from lab.report.claim_figures import outline
from lab.report.shapes import Replication
from tests.lab import sample_results as sample


def table(columns, measured, published=None):
    return Replication(
        verdict="open", columns=columns, measured=measured, published=published or {}, unit="us"
    )


def drawn(found):
    specs = {}
    return outline("chart.x", found, specs), specs


def values(spec, row):
    return [datum["value"] for datum in spec["layer"][0]["data"]["values"] if datum["arm"] == row]


def columns(spec):
    return spec["layer"][0]["encoding"]["x"]["scale"]["domain"]


def scale(spec):
    return spec["layer"][0]["encoding"]["y"]["scale"]["type"]


def flat(spec):
    """A layered chart, whose layers hold their data themselves or share the outer's."""
    shared = spec.get("data")
    layers = [layer if "data" in layer else layer | {"data": shared} for layer in spec["layer"]]
    return spec | {"layer": layers}


def test_both_tables_are_drawn_with_the_same_signs_and_the_same_kind_of_scale():
    arranged, specs = drawn(sample.table())
    specs = {name: flat(spec) for name, spec in specs.items()}

    assert arranged["charts"] == [("chart.x.published", "published"), ("chart.x.here", "here")]
    assert [sign["name"] for sign in arranged["legend"]] == ["select", "epoll"]
    assert values(specs["chart.x.published"], "select") == [0.7, 3.0, 35.0, 930.0]
    assert values(specs["chart.x.here"], "epoll") == [0.9] * 5
    assert {scale(spec) for spec in specs.values()} == {"log"}
    assert columns(specs["chart.x.published"]) == columns(specs["chart.x.here"])


def domain(spec):
    return spec["layer"][0]["encoding"]["y"]["scale"]["domain"]


@pytest.mark.parametrize(
    ("here", "published"),
    [
        ([3.0, 1781.0], [0.7, 930.0]),
        ([1.0, 10.0], [20.0, 2000.0]),
        ([5.0, 5.0], [1.0, 100.0]),
        ([900.0, 9.0], [1.0, 2.0]),
    ],
)
def test_a_slope_is_as_steep_in_one_chart_as_in_the_other(here, published):
    """Both log scales have the same span, and hold their numbers in the middle."""
    _, specs = drawn(table(["1", "2"], {"a": here}, {"a": published}))
    spans = []
    for where, numbers in (("here", here), ("published", published)):
        low, high = domain(flat(specs[f"chart.x.{where}"]))
        assert low < min(numbers)
        assert max(numbers) < high
        assert low * high == pytest.approx(min(numbers) * max(numbers))
        spans.append(high / low)
    assert spans[0] == pytest.approx(spans[1])


def test_levels_stand_in_their_order_and_a_slope_is_none():
    found = table(["slope", "256", "64"], {"call": [None, 3.0, 2.0], "one more": [5.0, None, None]})
    arranged, specs = drawn(found)
    (spec,) = specs.values()

    assert columns(spec) == ["64", "256"]
    assert values(flat(spec), "call") == [2.0, 3.0]
    assert [sign["name"] for sign in arranged["legend"]] == ["call"]


def test_names_stay_in_the_order_of_the_table():
    _, specs = drawn(table(["5 ms", "1 ms"], {"rate": [1.0, 2.0]}))
    assert columns(specs["chart.x.here"]) == ["5 ms", "1 ms"]


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_what_has_no_logarithm_is_drawn_on_straight_scales(low):
    _, specs = drawn(table(["1", "2"], {"a": [low, 1000.0]}, {"a": [1.0, 1000.0]}))
    assert {scale(spec) for spec in map(flat, specs.values())} == {"linear"}


@pytest.mark.parametrize(
    ("names", "measured"),
    [(["CPU"], {"a": [1.0], "b": [2.0]}), (["1", "2"], {"a": [1.0, None], "b": [None, 2.0]})],
)
def test_no_row_with_two_numbers_is_no_shape(names, measured):
    assert drawn(table(names, measured)) == (None, {})
