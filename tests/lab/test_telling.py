"""What people see on Locust's page while a run goes on."""

import json
import types
from pathlib import Path

import pytest

from lab.config import load
from lab.data import Data
from lab.plan import expand
from lab.telling import Telling
from loadtests.web.verdicts import Verdicts
from tests.lab import simulated

LAB = Path(__file__).parents[2] / "lab.yaml"


class Board:
    """Keeps what is posted, as the master does: it refuses what is no row."""

    def __init__(self):
        self.posts = []
        self.kept = Verdicts()

    def verdicts(self, run, rows):
        self.kept.post(run, json.dumps(rows).encode())
        self.posts.append({row["claim"]: row for row in rows})


def cost(cell):
    scanned = 0.2 * cell.factors.get("idle", 0) if cell.server in {"select", "poll"} else 0.0
    return 20.0 + scanned


@pytest.fixture(scope="module")
def lab():
    return load(LAB)


@pytest.fixture
def plan(lab):
    return expand(lab, ["idle-ladder"], "quick", 1, "hashed")


def told(lab, plan, data):
    board = Board()
    facts = types.SimpleNamespace(absent={})
    kept = types.SimpleNamespace(id="a run", probes=list, tables=list, facts=lambda: facts)
    return Telling(board, kept, lab, plan, data), board


def test_a_verdict_comes_with_its_experiments_blocks_and_stays(lab, plan):
    data = Data(plan, ())
    telling, board = told(lab, plan, data)
    telling.look("idle-ladder")
    first = board.posts[-1]
    assert first
    assert {row["verdict"] for row in first.values()} == {"inconclusive"}
    for record in simulated.simulate(plan, cost, 0.02):
        data.add(record)
    telling.look("idle-ladder")
    last = board.posts[-1]
    assert last.keys() == first.keys()
    decided = [row for row in last.values() if row["verdict"] in ("supported", "refuted")]
    assert decided
    assert any(" to " in row["interval"] for row in decided)
    assert all(row["at"] for row in decided)


def test_another_experiments_claims_are_left_as_they_were(lab, plan):
    telling, board = told(lab, plan, Data(plan, ()))
    telling.look("another")
    assert board.posts == [{}]


def test_at_the_end_every_claim_has_a_row(lab, plan):
    telling, board = told(lab, plan, Data(plan, ()))
    telling.conclude()
    assert list(board.posts[-1]) == list(plan.claims)


def test_a_row_says_since_when_it_is_so(lab, plan, monkeypatch):
    telling, board = told(lab, plan, Data(plan, ()))
    telling.conclude()
    before = {name: row["at"] for name, row in board.posts[-1].items()}
    later = types.SimpleNamespace(
        now=lambda _: types.SimpleNamespace(isoformat=lambda timespec: "later")
    )
    monkeypatch.setattr("lab.telling.datetime", later)
    telling.conclude()
    assert {name: row["at"] for name, row in board.posts[-1].items()} == before
