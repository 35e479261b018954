"""experiments/programs.yaml and replicate.yaml: every program decides a sentence, and says how."""

import re
from pathlib import Path

import pytest

from lab.claims import ReplicationClaim
from lab.config import load
from lab.plan import expand
from lab.replications import find
from tests.replications.small import CROWDED, SMALL

ROOT = Path(__file__).parents[2]
LAB = load(ROOT / "lab.yaml")
CLAIMS = {
    name: claim
    for name, claim in LAB.claims.items()
    if isinstance(claim, ReplicationClaim) and claim.program
}
PROGRAMS = sorted(
    module.stem.replace("_", "-") for module in (ROOT / "lab" / "replications").glob("[a-z]*.py")
)
UNPUBLISHED = {"switch-no-io-slower", "io-switch-helps", "switch-order", "coroutine-keeps-cpu"}


def test_every_program_decides_a_claim_and_is_tried_small():
    assert {claim.program for claim in CLAIMS.values()} == set(PROGRAMS) == set(SMALL)


def test_sentences_are_english_and_end():
    for claim in CLAIMS.values():
        assert claim.sentence.isascii()
        assert claim.sentence.endswith(".")


def test_what_the_notes_do_not_say_is_told_so():
    for name, claim in CLAIMS.items():
        if not claim.notes:
            assert "Not in the notes" in claim.caveat, name


def test_what_is_expected_has_a_source_and_what_has_none_expects_nothing():
    silent = {name for name, claim in CLAIMS.items() if claim.expected is None}
    assert {name for name in silent if not name.startswith("replicate/")} == UNPUBLISHED


def test_every_band_has_a_reason_or_a_published_table():
    for name, claim in CLAIMS.items():
        assert claim.because or claim.published, name


def test_replications_have_ids_of_their_own():
    for name, claim in CLAIMS.items():
        assert name.startswith("replicate/") or claim.kind == "program"


def test_what_wants_three_cpus_declares_it():
    wanting = {claim.program for claim in CLAIMS.values() if claim.needs and claim.needs.cpus > 2}
    assert wanting == CROWDED


def test_a_profile_holds_what_a_smaller_one_does():
    for claim in CLAIMS.values():
        order = ["smoke", "quick", "full"]
        assert claim.profiles == order[order.index(claim.profiles[0]) :]


def test_programs_need_no_load():
    plan = expand(LAB, list(CLAIMS), "full", 1)
    assert {run.claim for run in plan.programs} == set(CLAIMS)
    assert plan.trials == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_says_what_it_measures_and_its_source(name):
    program = find(name)
    assert program.UNIT
    assert re.search(r"\b(Source|Published): ", program.__doc__)
    if name not in {"gil-5ms", "tlpi-63"}:  # whose statements are their controls
        assert "Control: " in program.__doc__
