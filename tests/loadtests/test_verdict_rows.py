"""What `lab run` posts: rows of texts, by run."""

import json

import pytest

from loadtests.web.verdicts import COLUMNS, MOST_ROWS, MOST_RUNS, Verdicts, structure, table


def rows(*claims, verdict="supported"):
    return json.dumps([{"claim": claim, "verdict": verdict} for claim in claims]).encode()


def test_a_runs_new_rows_replace_its_old_ones_and_no_others():
    kept = Verdicts()
    kept.post("a", rows("x", "y"))
    kept.post("b", rows("z"))
    assert kept.post("a", rows("x", verdict="refuted")) == 1
    assert [(row["claim"], row["verdict"]) for row in kept.rows] == [
        ("x", "refuted"),  # the newest run first
        ("z", "supported"),
    ]


def test_old_runs_make_room():
    kept = Verdicts()
    for number in range(MOST_RUNS + 2):
        kept.post(f"run {number}", rows(f"claim {number}"))
    assert len(kept.rows) == MOST_RUNS
    assert kept.rows[-1]["claim"] == "claim 2"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'[{"claim": "x"}]',
        b'[{"claim": "x", "verdict": 3}]',
        b'[{"claim": "x", "verdict": "y", "html": "z"}]',
        b'[{"claim": "", "verdict": "y"}]',
        rows("x" * 201),
        rows(*"x" * (MOST_ROWS + 1)),
    ],
)
def test_what_is_no_row_changes_nothing(body):
    kept = Verdicts()
    kept.post("a", rows("x"))
    with pytest.raises(ValueError, match=r"."):
        kept.post("a", body)
    assert [row["claim"] for row in kept.rows] == ["x"]


def test_locusts_page_finds_rows_under_the_key_of_its_tab():
    told = structure()
    [columns] = told["extended_tables"]
    [filled] = table([{"claim": "x"}])["extended_stats"]
    assert told["extended_tabs"][0]["key"] == columns["key"] == filled["key"]
    assert [column["key"] for column in columns["structure"]] == list(COLUMNS)
