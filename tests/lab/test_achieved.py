"""What the reports say of each connection class."""

import io

import pytest
from rich.console import Console

from lab.achieved import achieved, class_words
from lab.model import ClassLoad
from lab.record import ClassResult, Connections, Counts, WindowResult
from lab.report import classes, html
from lab.report.model import Achieved

from . import records as r
from . import sample_results as sample


def row(**changes):
    base = {
        "connection_class": "churn",
        "trials": 2,
        "asked": 1000,
        "held": 1000,
        "established": None,
        "lost": 0,
        "replaced_per_s": None,
        "due_per_s": None,
        "refused": 0,
        "timed_out": 0,
        "unfinished": 0,
        "scheduled": 0,
        "completed": 0,
        "abandoned": 0,
        "failed": {},
    }
    return Achieved.model_validate({**base, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "1,000 of 1,000 held"),
        ({"held": 998, "lost": 2}, "998 of 1,000 held, 2 lost"),
        (
            {"replaced_per_s": 199.0, "due_per_s": 200.0},
            "1,000 of 1,000 held, 199/s of 200/s replaced",
        ),
        ({"held": None}, "at most 1,000"),
        (
            {"held": None, "established": 980, "refused": 12, "timed_out": 8},
            "980 of 1,000 established, 12 refused, 8 timed out",
        ),
        ({"unfinished": 3}, "1,000 of 1,000 held, 3 not ended by the server"),
    ],
)
def test_connections_in_words(changes, words):
    assert classes.connections(row(**changes)) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "–"),
        ({"scheduled": 7, "completed": 5, "abandoned": 2}, "5 right, 2 abandoned"),
        (
            {"scheduled": 1500, "completed": 1200, "failed": {"reset": 297, "timeout": 3}},
            "1,200 right, 297 reset, 3 timeout",
        ),
    ],
)
def test_requests_in_words(changes, words):
    assert classes.requests(row(**changes)) == words


@pytest.mark.parametrize(
    ("name", "load", "words"),
    [
        ("never-finishing", ClassLoad(connections=50), "50 never-finishing"),
        ("churn", ClassLoad(connections=9, rate=200), "9 churn, 200/s replaced"),
        ("storm", ClassLoad(connections=9, at_s=0.3), "9 storm at 0.3 s, 64 B"),
        (
            "slow-sender",
            ClassLoad(connections=9, piece=1, every_s=0.1),
            "9 slow-sender, sends 1 B every 100 ms, 64 B",
        ),
        ("victim", ClassLoad(connections=1, rate=5), "1 victim, open 5/s, 64 B"),
        (
            "long",
            ClassLoad(connections=1, rate=5, requests=10, ends="reset"),
            "1 long, open 5/s, 64 B, 10 requests each, then reset",
        ),
        (
            "short",
            ClassLoad(connections=1, ends="abandon"),
            "at most 1 short, open 5/s, 64 B, ends by abandon",
        ),
    ],
)
def test_a_load_in_words(name, load, words):
    assert class_words(name, load, "open 5/s", "64 B") == words


def test_trials_and_engines_are_added_and_the_fewest_held_are_told():
    def record(held, replaced, lost):
        made = ClassResult(
            total=Counts(),
            window=WindowResult(),
            connections=Connections(
                asked=5,
                established=5,
                held_at_start=5,
                held_at_end=held,
                replaced=replaced,
                lost=lost,
            ),
        )
        return r.record(engines=[r.engine(classes={"churn": made})] * 2)

    cell = r.cell(load={"churn": ClassLoad(connections=10, rate=100.0)})
    (found,) = achieved([record(5, 20, 0), record(4, 30, 1)], cell)
    assert (found.held, found.asked, found.lost, found.trials) == (8, 10, 2, 2)
    assert found.replaced_per_s == 2 * (20 + 30) / (2 * 0.5)
    assert found.due_per_s == 100.0
    assert achieved([], cell) == []


def attacked():
    results = sample.full()
    rows = [row(), row(connection_class="victim", scheduled=9, completed=9)]
    first = results.cells[0].model_copy(update={"connections": rows})
    return results.model_copy(update={"cells": [first, *results.cells[1:]]})


def test_the_victim_stands_beside_the_others_in_the_page_and_in_the_terminal():
    out = io.StringIO()
    classes.class_table(attacked(), Console(file=out, width=120))
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert [words[0] for words in lines if words and words[0] in ("churn", "victim")] == [
        "churn",
        "victim",
    ]
    page = html.render(attacked(), bundle=False)
    assert "<td>victim</td><td>1,000 of 1,000 held</td><td>9 right</td>" in page


def test_without_such_classes_the_terminal_says_nothing_of_them():
    out = io.StringIO()
    classes.class_table(sample.full(), Console(file=out, width=120))
    assert not out.getvalue()
