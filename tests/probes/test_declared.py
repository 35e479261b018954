"""experiments/probes.yaml: every probe decides one sentence, and says where it is from."""

import re
from pathlib import Path

import pytest
import yaml

from lab.claims import LimitClaim
from lab.config import parse
from lab.plan import expand

ROOT = Path(__file__).parents[2]
FILE = "experiments/probes.yaml"
MODULES = (ROOT / "lab" / "probes").glob("[a-z]*.py")
SECTION = re.compile(r"recap( \d+)?|[一二三四五六七八]|[358]\.\d(\.\d)?")


@pytest.fixture(scope="module")
def lab():
    """lab.yaml, with the probes included."""
    text = (ROOT / "lab.yaml").read_text(encoding="utf-8")
    if "experiments/" not in text:
        text = text.replace("\nversion: 1\n", f"\nversion: 1\ninclude: [{FILE}]\n")
    return parse(text.encode(), folder=ROOT)


@pytest.fixture(scope="module")
def claims(lab):
    return {name: claim for name, claim in lab.claims.items() if isinstance(claim, LimitClaim)}


def test_every_probe_decides_the_claim_of_its_name(claims):
    probes = {module.stem.replace("_", "-") for module in MODULES}
    assert {name: claim.probe for name, claim in claims.items()} == {name: name for name in probes}


def test_a_claim_says_where_the_notes_say_so_or_that_they_do_not(claims):
    for claim in claims.values():
        if claim.notes:
            assert SECTION.fullmatch(claim.section), claim.id
        else:
            assert not claim.section
            assert "Not in the notes" in claim.caveat


def test_sentences_are_english_and_quotations_are_not_translated(claims):
    for claim in claims.values():
        assert claim.sentence.isascii()
        assert claim.sentence.endswith(".")
        assert len(claim.sentence) <= 100
        if claim.notes and not claim.notes.isascii():
            assert re.search(r"[\u4e00-\u9fff]", claim.notes)


def test_what_is_expected_has_a_source(claims):
    unexpected = {name for name, claim in claims.items() if claim.expected is None}
    unpublished = {"gevent-500", "sigio-practical", "slow-clients"}
    assert unexpected == unpublished


def test_a_profile_holds_what_a_smaller_one_does(claims):
    for claim in claims.values():
        order = ["smoke", "quick", "full"]
        assert claim.profiles == order[order.index(claim.profiles[0]) :]


def test_probes_need_no_load(lab):
    names = yaml.safe_load((ROOT / FILE).read_text(encoding="utf-8"))["claims"]
    plan = expand(lab, list(names), "full", 1)
    assert [run.claim for run in plan.probes] == list(names)
    assert plan.trials == []
