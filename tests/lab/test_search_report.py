"""What people see of a search: terminal, page, JSON. Made from records with a known truth."""

import io
import re

import pytest
import typer
from rich.console import Console

from lab.analysis import analyse
from lab.exits import weigh
from lab.options import FailOn
from lab.report import html, machine, searches
from lab.report.model import Results
from tests.lab import searched
from tests.lab.test_analysis import FACTS
from tests.lab.test_search_walk import CAPACITY, costs, run


def results(monkeypatch, name):
    servers = searched.Servers(cost=costs) if name == "turn" else searched.Servers(CAPACITY)
    _, stored, _, _, _ = run(monkeypatch, servers, name)
    lab, plan = searched.plan(name)
    return analyse(lab, plan, FACTS, stored, [])


def text_of(found):
    console = Console(file=io.StringIO(), width=200)
    searches.table(found, console)
    return console.file.getvalue()


def test_the_terminal_has_a_sentence_for_each_server(monkeypatch):
    text = text_of(results(monkeypatch, "bear"))
    assert "bear: What can they bear?" in text
    for server in CAPACITY:
        assert re.search(rf"{server} sustains \d+/s with p99 below 5 ms: 95 % interval", text)


def test_the_page_shows_every_answer_as_chart_and_table(monkeypatch):
    found = results(monkeypatch, "bear")
    page = html.render(found, bundle=False)
    assert 'id="page.searches"' in page
    for i, turn in enumerate(found.searches[0].turns, 1):
        assert f'id="chart.search-1-{i}"' in page
        assert turn.words in page
        for asked in turn.levels:
            assert f"{asked.level:,}</th>" in page


def test_the_chart_has_a_point_for_each_answer_and_the_bound(monkeypatch):
    found = results(monkeypatch, "turn")
    (one,) = found.searches
    (turn,) = one.turns
    spec = searches.chart(one, turn)
    points = spec["layer"][-1]["data"]["values"]
    assert len(points) == sum(len(asked.values) for asked in turn.levels) == turn.trials
    assert {point["answer"] for point in points} == {"select needs less", "epoll needs less"}
    above = [point for point in points if point["value"] > 1]
    assert all(point["answer"] == "epoll needs less" for point in above)
    rules = [layer["data"]["values"] for layer in spec["layer"][:-1]]
    assert [{"value": 1.0}] in rules
    assert [{"level": turn.estimate, "low": turn.low, "high": turn.high}] in rules


def test_a_run_without_searches_has_no_word_of_them(monkeypatch):
    found = results(monkeypatch, "bear").model_copy(update={"searches": []})
    assert 'id="page.searches"' not in html.render(found, bundle=False)
    assert '"searches":' not in found.model_dump_json()
    assert text_of(found) == ""


def test_a_search_that_decided_nothing_is_exit_code_4_where_that_was_asked_for(monkeypatch):
    found = results(monkeypatch, "bear")
    weigh(found, FailOn.inconclusive)
    (one,) = found.searches
    for outcome, fail_on in (("open", FailOn.inconclusive), ("void", FailOn.void)):
        turn = one.turns[0].model_copy(update={"outcome": outcome})
        undecided = found.model_copy(
            update={"searches": [one.model_copy(update={"turns": [turn]})]}
        )
        weigh(undecided, None)
        with pytest.raises(typer.Exit) as ended:
            weigh(undecided, fail_on)
        assert ended.value.exit_code == 4


def test_results_survive_their_own_json(monkeypatch):
    found = results(monkeypatch, "turn")
    assert Results.model_validate_json(machine.render(found)) == found
