"""Maps of who wins where: a truth that is known, what is drawn of it, and mistakes in the file."""

import io
import itertools
import json
from pathlib import Path

import pytest
from rich.console import Console

from lab.analysis import analyse
from lab.config import load, parse
from lab.errors import ConfigErrors, UsageError
from lab.plan import expand
from lab.report import html, machine, maps
from lab.report.model import Estimate
from tests.lab import simulated
from tests.lab.test_analysis import FACTS

LAB = load(Path(__file__).parents[2] / "lab.yaml")
SLOPES = {"select": 0.2, "poll": 0.2}


def truth(cell):
    """Scans cost by the silent connection; threads are cheap for one client and dear for many."""
    idle, active = cell.factors["idle"], cell.factors["active"]
    base = {"select": 20.0, "poll": 20.4, "epoll": 24.0, "asyncio-streams": 70.0, "io-uring": 40.0}
    base["threads"] = 15.0 + active
    return base[cell.server] + SLOPES.get(cell.server, 0.0) * idle


@pytest.fixture(scope="module")
def results():
    plan = expand(LAB, ("who-wins",), "map", 1)
    return analyse(LAB, plan, FACTS, list(simulated.simulate(plan, truth, 0.01)), ())


@pytest.fixture(scope="module")
def one(results):
    (found,) = results.maps
    return found


@pytest.fixture(scope="module")
def cells(one):
    return {(cell.x, cell.y): cell for cell in one.cells}


def test_each_place_has_its_cell_and_its_winner(cells):
    assert set(cells) == set(itertools.product((0, 50, 200, 800), (1, 4, 16, 64)))
    assert {cells[x, 1].cheapest for x in (0, 50, 200, 800)} == {"threads"}
    assert {cells[x, 64].cheapest for x in (50, 200, 800)} == {"epoll"}
    assert cells[0, 64].cheapest in ("select", "poll")


def test_who_is_within_the_margin_is_alike_and_who_is_surely_beyond_is_not(cells):
    near = cells[0, 64]  # 20 and 20.4: two in a hundred
    assert {near.cheapest, *near.like} == {"select", "poll"}
    assert near.unsure == []
    assert near.ratios["epoll"].low > 1.10
    assert cells[800, 1].like == []


def test_too_few_blocks_are_unsure_never_alike():
    plan = expand(LAB, ("who-wins",), "map", 1)
    made = [r for r in simulated.simulate(plan, lambda _: 20.0, 0.01) if r.block < 5]
    (few,) = analyse(LAB, plan, FACTS, made, ()).maps
    assert all(cell.like == [] and len(cell.unsure) == 5 for cell in few.cells)


def test_an_arm_that_could_not_run_is_no_part_of_a_cell():
    plan = expand(LAB, ("who-wins",), "map", 1)
    made = [r for r in simulated.simulate(plan, truth, 0.01) if "/io-uring/" not in r.cell]
    (found,) = analyse(LAB, plan, FACTS, made, ()).maps
    assert all("io-uring" not in cell.costs for cell in found.cells)
    assert maps.ratio(found.cells[0], "io-uring", "us") == "–"


def test_the_boundary_is_found_where_it_was_put(one):
    """20 + 0.2 x = 24 at x = 20, in each row; drawn over ln(1 + x) between the levels 0 and 50."""
    rows = {b.y: b for b in one.boundaries if {b.first, b.then} == {"select", "epoll"}}
    assert set(rows) == {1, 4, 16, 64}
    for boundary in rows.values():
        assert (boundary.first, boundary.then) == ("select", "epoll")
        assert 0 < boundary.at.low < boundary.at.value < boundary.at.high < 50
    assert not rows[1].shown  # threads win that row, the two are not beside each other
    assert any(b.shown and b.y == 64 and b.then == "epoll" for b in one.boundaries)


def test_a_boundary_is_the_same_whoever_is_named_first(one):
    who = LAB.experiments["who-wins"]
    arms = {name: who.arms[name] for name in reversed(who.arms)}
    turned = {**LAB.experiments, "who-wins": who.model_copy(update={"arms": arms})}
    lab = LAB.model_copy(update={"experiments": turned})
    plan = expand(LAB, ("who-wins",), "map", 1)
    (found,) = analyse(lab, plan, FACTS, list(simulated.simulate(plan, truth, 0.01)), ()).maps

    def crossings(drawn):
        there = [b for b in drawn.boundaries if b.at and b.at.low and b.at.high]
        return {(b.y, b.first, b.then, round(b.at.value, 6)) for b in there}

    assert crossings(found) == crossings(one)
    assert {(first, then) for _, first, then, _ in crossings(one)} >= {("select", "epoll")}


def test_places_lie_between_the_levels_on_a_log_scale():
    assert maps.position(0, [0, 50, 200]) == 0
    assert maps.position(200, [0, 50, 200]) == 2
    assert maps.position(100.5, [0, 50, 200]) == pytest.approx(1.5, abs=0.01)
    assert 0.7 < maps.position(20, [0, 50, 200]) < 0.8


def test_results_page_terminal_and_json_have_the_map(results, cells):
    page = html.render(results, bundle=False)
    assert 'id="chart.map-1"' in page
    assert "Costs in each cell of who-wins" in page
    assert machine.parse(machine.render(results)).maps == results.maps
    out = io.StringIO()
    maps.table(results, Console(file=out, width=100))
    said = out.getvalue()
    assert "active \\ idle" in said
    assert f"epoll overtakes {cells[0, 64].cheapest}" in said


def test_the_chart_names_the_winner_in_each_cell(one):
    spec = json.dumps(maps.on_paper(one))
    assert "var(--" not in spec
    assert "http" not in spec
    found = [json.dumps(maps.lines(cell)) for cell in one.cells]
    assert all(text in spec for text in found)


def test_a_cell_says_who_is_surely_dearer_and_how_many_times(one):
    def about(value):
        return Estimate(value=value, low=0.9 * value, high=1.1 * value)

    cell = one.cells[0].model_copy(
        update={
            "cheapest": "epoll",
            "like": ["threads"],
            "unsure": [],
            "ratios": {
                "threads": about(1.02),
                "poll": about(3.24),
                "select": about(11.7),
                "asyncio-streams": about(1.5),
                "io-uring": about(1.45),
            },
        }
    )
    assert maps.lines(cell) == [
        "epoll",
        "≈ threads",
        "select 12 ×, poll 3.2 ×",
        "asyncio-streams 1.5 ×",
        "io-uring 1.4 ×",
    ]


@pytest.mark.parametrize(("name", "start"), [("map.svg", b"<svg"), ("map.png", b"\x89PNG")])
def test_a_picture_is_written(results, tmp_path, name, start):
    maps.write(results, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_what_is_no_picture_or_has_no_map_is_refused(results, tmp_path):
    with pytest.raises(UsageError, match=r"Write \.svg or \.png"):
        maps.write(results, tmp_path / "map.gif")
    with pytest.raises(UsageError, match="lab run --profile map"):
        maps.write(results.model_copy(update={"maps": []}), tmp_path / "map.svg")


FILE = """
version: 1
profiles: {{quick: {{looks: [8], warm-up: 1 s, window: 2 s, cool-down: 0 s}}}}
experiments:
  e:
    question: Q?
    arms: {arms}
    load: {{long: {{connections: $a, rate: 100/s}}, idle: {{connections: $b}}{more}}}
    factors: {{a: [1], b: [1]{factor}}}
    map: {{{map}}}
claims:
  c: {{kind: probe, sentence: s, probe: select-1024, profiles: [quick]}}
"""


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"map": "x: a, y: c"}, '"c" is not a factor of this experiment.'),
        ({"map": "x: a, y: a"}, "is x already"),
        ({"map": "x: a"}, "y"),
        ({"map": "x: a, y: b, margin: 1"}, "margin"),
        ({"arms": "[select]"}, "wins everywhere"),
        (
            {"factor": ", c: [1]", "more": ", never-finishing: {connections: $c}"},
            "c would have no place",
        ),
    ],
)
def test_mistakes_in_a_map_are_told(asked, said):
    values = {"arms": "[select, epoll]", "map": "x: a, y: b", "factor": "", "more": "", **asked}
    with pytest.raises(ConfigErrors) as told:
        parse(FILE.format(**values).encode())
    assert said in "\n".join(told.value.problems)


def test_a_right_map_is_none():
    values = {"arms": "[select, epoll]", "map": "x: a, y: b", "factor": "", "more": ""}
    lab = parse(FILE.format(**values).encode())
    assert lab.experiments["e"].map.margin == pytest.approx(1.1)
