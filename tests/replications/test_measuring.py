"""Every program, once, for real and small: its table has what its claims speak of."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.claims import ReplicationClaim
from lab.config import load
from lab.outline import contrasts
from lab.programs import read
from tests.replications.small import CROWDED, SMALL, run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CLAIMS = [
    claim
    for claim in load(ROOT / "lab.yaml").claims.values()
    if isinstance(claim, ReplicationClaim) and claim.program
]
MISSING = re.compile(r"io_uring|Python module|files|interpreter lock")
SCALED = {"tlpi-63", "frevib-uring"}  # whose columns are other ones when small
COUNTED = {  # what is counted comes out here as everywhere
    "accept-herd": [("wakes", "accept", 0.9, 1.5), ("wakes", "epoll", 2, 4)],
    "wrk2-co": [("corrected", "stalled", 150, 1e6), ("predicted", "stalled", 190, 1000)],
    "io-switch": [("serial", "both tasks", 40, 1e6)],
    "io-beside-cpu": [("beside a thread that computes", "5 ms", 1000, 1e6)],
}


@pytest.fixture(scope="session")
def said():
    """What each program says; two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(SMALL, pool.map(run, SMALL), strict=True))


@pytest.mark.parametrize("name", SMALL)
def test_a_program_prints_a_table_with_all_that_its_claims_speak_of(said, name):
    if "skipped" in said[name]:
        assert MISSING.search(said[name]["skipped"])
        return
    table, why = read(said[name]["table"])
    assert why == ""
    for claim in CLAIMS:
        if claim.program == name and name not in SCALED:
            columns = list({column for row in table.values() for column in row})
            for outline in claim.shape:
                for contrast in contrasts(outline, columns):
                    assert all(cell[1] in table[cell[0]] for cell, _ in contrast.terms)
                    if claim.published and not outline.at:
                        assert set(columns) == set(claim.published.columns)


@pytest.mark.parametrize("name", COUNTED)
def test_what_is_counted_is_the_same_everywhere(said, name):
    for row, column, low, high in COUNTED[name]:
        assert low <= said[name]["table"][row][column] <= high


@pytest.mark.parametrize("name", sorted(CROWDED))
def test_a_program_that_wants_three_cpus_says_so_on_fewer(name):
    one = min(os.sched_getaffinity(0))
    assert run(name, [one]) == {"skipped": "3 CPUs, and there are 1"}
