"""Tables that were measured once, what their claims come to, and the same tables forged."""

import json
import math
from pathlib import Path

import pytest

from lab.claims import ReplicationClaim
from lab.config import load
from lab.outline import contrasts
from lab.programs import read
from lab.replicating import Replicated, State, combined, decision, judge
from lab.verdicts import Outcome

ROOT = Path(__file__).parents[2]
TABLES = json.loads((ROOT / "tests" / "replications" / "tables.json").read_text("utf-8"))
CLAIMS = {
    name: claim
    for name, claim in load(ROOT / "lab.yaml").claims.items()
    if isinstance(claim, ReplicationClaim) and claim.program
}
FAILING = {  # on tables of two CPUs, where those that want three took one twice
    "accept-herd",
    "select-copy",
    "poll-faster-than-select-dense",
    "sync-blocks",
    "gil-multicore-worse-computing",
    "replicate/gammo-2004-ctl",
    "multi-accept",
    "timeouts-reorder",  # threads and streams leave a tie, and do not change places beyond one
    "replicate/tlpi-63",  # at 10 select costs 3.7 times what epoll costs
    "replicate/vmbench-2016",
    "replicate/frevib-uring",
}
FAR = 1e6  # beyond any band


def columns_of(table):
    return list(dict.fromkeys(column for row in table.values() for column in row))


def judged(claim, *tables):
    return judge(claim, columns_of(tables[0]), tables)


def asked(claim, table):
    return [c for outline in claim.shape for c in contrasts(outline, columns_of(table))]


def moved(table, contrast, to):
    """The table with one cell changed so that the contrast is at the log `to`."""
    (row, column), weight = contrast.terms[0]
    now = sum(w * math.log(table[r][c]) for (r, c), w in contrast.terms)
    changed = table[row][column] * math.exp((to - now) / weight)
    return {**table, row: {**table[row], column: changed}}


def inside(contrast):
    low, high = max(contrast.low, -math.log(FAR)), min(contrast.high, math.log(FAR))
    return (low + high) / 2


def outside(contrast):
    return contrast.low - 1 if contrast.low > -math.inf else contrast.high + 1


@pytest.mark.parametrize("name", CLAIMS)
def test_a_measured_table_comes_to_what_it_says(name):
    claim = CLAIMS[name]
    table = TABLES[claim.program]
    found = decision(judged(claim, table, table, table), 3)
    assert found.outcome is (Outcome.REFUTED if name in FAILING else Outcome.SUPPORTED)


STATEMENTS = [
    (name, number)
    for name, claim in CLAIMS.items()
    for number in range(len(asked(claim, TABLES[claim.program])))
]


@pytest.mark.parametrize(("name", "number"), STATEMENTS)
def test_each_statement_matters(name, number):
    claim = CLAIMS[name]
    table = TABLES[claim.program]
    contrast = asked(claim, table)[number]
    good, bad = moved(table, contrast, inside(contrast)), moved(table, contrast, outside(contrast))
    assert judged(claim, good, good, good)[number].state is State.HOLDS
    found = judged(claim, bad, bad, bad)
    assert found[number].state in {State.FAILS, State.OPPOSITE}
    assert combined(found) in {Replicated.NOT_REPRODUCED, Replicated.REVERSED}
    assert judged(claim, good, good, bad)[number].state is State.OPEN  # the repeats disagree


@pytest.mark.parametrize("name", CLAIMS)
def test_two_repeats_are_too_few(name):
    claim = CLAIMS[name]
    table = TABLES[claim.program]
    assert decision(judged(claim, table, table), 2).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("name", CLAIMS)
def test_a_table_that_lost_a_row_leaves_its_statements_open(name):
    claim = CLAIMS[name]
    table = TABLES[claim.program]
    contrast = asked(claim, table)[0]
    lost = {row: cells for row, cells in table.items() if row != contrast.terms[0][0][0]}
    found = judge(claim, columns_of(table), [table, table, lost])
    assert found[0].state is State.OPEN
    assert decision(found, 3).outcome is not Outcome.SUPPORTED


@pytest.mark.parametrize("forged", [0, -1.0, math.nan, math.inf, "12", True, None])
@pytest.mark.parametrize("name", TABLES)
def test_a_number_that_is_none_is_no_table(name, forged):
    row, cells = next(iter(TABLES[name].items()))
    assert read(TABLES[name])[1] == ""
    assert read({**TABLES[name], row: {**cells, "more": forged}})[0] == {}


def test_every_program_has_a_table_here():
    assert {claim.program for claim in CLAIMS.values()} == set(TABLES)
