"""Shapes of tables: what the outlines ask, and what a table with or without that shape comes to."""

import math
import random

import pytest
from pydantic import ValidationError

from lab.claims import ReplicationClaim
from lab.outline import Outline, Published, contrasts
from lab.replicating import Replicated, State, combined, decision, judge, middle
from lab.verdicts import Outcome

COLUMNS = ["10", "1000"]
TRUE = {
    "select": {"10": 2.0, "1000": 200.0},
    "poll": {"10": 2.1, "1000": 210.0},
    "epoll": {"10": 1.0, "1000": 1.1},
}


def claim(*shape, **changes):
    base = {
        "id": "replicate/x",
        "kind": "program",
        "sentence": "s",
        "program": "x",
        "profiles": ["quick"],
        "shape": list(shape),
    }
    return ReplicationClaim.model_validate({**base, **changes})


def noisy(n, sd=0.05, truth=TRUE, seed=1):
    dice = random.Random(seed)
    return [
        {
            r: {c: y * math.exp(dice.gauss(0, sd)) for c, y in row.items()}
            for r, row in truth.items()
        }
        for _ in range(n)
    ]


def states(shape, tables):
    return [one.state for one in judge(claim(shape), COLUMNS, tables)]


HOLD, FAIL, TURNED, OPEN = State.HOLDS, State.FAILS, State.OPPOSITE, State.OPEN


@pytest.mark.parametrize("repeats", [3, 12])
@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ({"order": ["epoll", "select"]}, [HOLD, HOLD]),
        ({"order": ["select", "epoll"]}, [TURNED, TURNED]),
        ({"order": ["epoll", "select"], "at": ["1000"]}, [HOLD]),
        ({"ratio": "select / epoll", "at": 10, "at-least": 1.5, "at-most": 3}, [HOLD]),
        ({"ratio": "select / epoll", "at": 10, "at-least": 5}, [FAIL]),
        ({"ratio": "epoll / select", "at": 10, "at-least": 5}, [TURNED]),
        ({"ratio": "select / epoll", "at-most": 0.5}, [TURNED, TURNED]),
        ({"alike": ["select", "poll"], "within": 2}, [HOLD, HOLD]),
        ({"alike": ["select", "poll", "epoll"], "within": 3, "at": [10]}, [HOLD] * 3),
        ({"alike": ["select", "epoll"], "within": 2, "at": [1000]}, [FAIL]),
        ({"grows": "select", "at-least": 50}, [HOLD]),
        ({"grows": "select", "at-least": 500}, [FAIL]),
        ({"grows": "select", "at-most": 0.5}, [TURNED]),
        ({"flat": "epoll", "within": 1.5}, [HOLD]),
        ({"flat": "select", "within": 1.5}, [FAIL]),
        ({"value": "epoll", "at": 10, "at-least": 0.7, "at-most": 1.4}, [HOLD]),
        ({"value": "epoll", "at": 10, "at-least": 2}, [FAIL]),
        ({"crosses": "select / epoll"}, [TURNED, HOLD]),
        ({"narrows": "select / epoll"}, [TURNED]),
        ({"order": ["epoll", "kqueue"], "at": [10]}, [OPEN]),  # no such row was measured
    ],
)
def test_each_outline_on_a_table_that_is_known(shape, expected, repeats):
    assert states(shape, noisy(repeats, sd=0.03)) == expected


def test_a_crossing_is_found_where_it_is():
    truth = {"select": {"10": 1.0, "1000": 9.0}, "epoll": {"10": 2.0, "1000": 3.0}}
    assert states({"crosses": "select / epoll"}, noisy(3, truth=truth)) == [HOLD, HOLD]
    assert states({"crosses": "epoll / select"}, noisy(3, truth=truth)) == [TURNED, TURNED]


def test_repeats_that_disagree_leave_it_open():
    tables = noisy(2, sd=0.0)
    tables.append({**TRUE, "epoll": {"10": 50.0, "1000": 50.0}})
    assert states({"order": ["epoll", "select"], "at": [10]}, tables) == [OPEN]
    assert states({"order": ["epoll", "select"], "at": [10]}, tables[:2]) == [OPEN]  # too few


def test_with_an_interval_one_odd_repeat_does_no_harm():
    odd = {**TRUE, "epoll": {"10": 50.0, "1000": 50.0}}
    assert states({"order": ["epoll", "select"], "at": [10]}, [*noisy(23), odd]) == [HOLD]


@pytest.mark.parametrize(
    ("shape", "expected", "outcome"),
    [
        ([{"order": ["epoll", "select"]}], Replicated.REPRODUCED, Outcome.SUPPORTED),
        ([{"order": ["select", "epoll"]}], Replicated.REVERSED, Outcome.REFUTED),
        (
            [{"order": ["select", "epoll"]}, {"alike": ["select", "poll"], "within": 2}],
            Replicated.REVERSED,
            Outcome.REFUTED,
        ),
        (
            [{"order": ["select", "epoll"]}, {"order": ["epoll", "poll"]}],
            Replicated.NOT_REPRODUCED,  # some of it is as it was
            Outcome.REFUTED,
        ),
        ([{"flat": "select", "within": 2}], Replicated.NOT_REPRODUCED, Outcome.REFUTED),
        ([{"order": ["select", "poll"]}], Replicated.OPEN, Outcome.INCONCLUSIVE),
    ],
)
def test_reproduced_reversed_or_neither(shape, expected, outcome):
    tables = noisy(3, sd=0.2, seed=4)
    tested = judge(claim(*shape), COLUMNS, tables)
    assert combined(tested) is expected
    found = decision(tested, len(tables))
    assert found.outcome is outcome
    assert found.p is None


def test_the_first_statement_that_fails_is_named():
    tested = judge(claim({"flat": "select", "within": 2}), COLUMNS, noisy(3))
    reason = decision(tested, 3).reason
    assert "0 of 1 statements" in reason
    assert "select from 10 to 1000: within x2" in reason


def test_a_true_shape_is_reproduced_and_a_false_one_not_at_the_stated_rates():
    true = claim({"order": ["epoll", "select"]}, {"grows": "select", "at-least": 50})
    false = claim({"alike": ["select", "epoll"], "within": 1.5})
    runs = [noisy(12, sd=0.2, seed=seed) for seed in range(200)]
    found = [combined(judge(true, COLUMNS, tables)) for tables in runs]
    assert found.count(Replicated.REPRODUCED) >= 190
    wrong = [combined(judge(false, COLUMNS, tables)) for tables in runs]
    assert Replicated.REPRODUCED not in wrong


def test_on_the_edge_of_a_band_a_statement_is_rarely_decided():
    edge = claim({"ratio": "select / epoll", "at": 10, "at-least": 2})
    runs = [judge(edge, COLUMNS, noisy(12, sd=0.1, seed=seed)) for seed in range(400)]
    decided = [found[0].state is not OPEN for found in runs]
    assert sum(decided) / len(decided) <= 0.03  # two-sided, at the level of one look


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "exactly one"),
        ({"order": ["a", "b"], "flat": "a", "within": 2}, "exactly one"),
        ({"order": ["a"]}, "two rows"),
        ({"order": ["a", "a"]}, "each once"),
        ({"ratio": "a / b"}, "at-least or at-most"),
        ({"ratio": "a", "at-least": 2}, "not a ratio"),
        ({"ratio": "a / b", "within": 2}, "at-least or at-most"),
        ({"flat": "a"}, "within"),
        ({"order": ["a", "b"], "at-least": 2}, "no band"),
        ({"value": "a", "at-least": 2, "at-most": 1}, "below at-most"),
    ],
)
def test_an_outline_that_says_too_much_or_too_little_is_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        Outline.model_validate(wrong)


def test_a_column_that_is_not_there_is_told():
    outline = Outline.model_validate({"flat": "a", "within": 2, "at": [10, 7]})
    with pytest.raises(ValueError, match='no column "7"'):
        contrasts(outline, COLUMNS)
    one = Outline.model_validate({"flat": "a", "within": 2, "at": [10]})
    with pytest.raises(ValueError, match="two columns"):
        contrasts(one, COLUMNS)


def test_published_rows_have_a_number_for_each_column():
    with pytest.raises(ValidationError, match="1 numbers for 2 columns"):
        Published.model_validate(
            {"source": "s", "unit": "us", "columns": [1, 2], "rows": {"a": [1.0]}}
        )


def test_medians_are_shown():
    assert middle(noisy(3, sd=0), "epoll", "10") == 1.0
    assert middle(noisy(3, sd=0), "epoll", "7") is None
    assert middle([], "epoll", "7") is None
