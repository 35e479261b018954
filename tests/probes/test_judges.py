"""Each probe's judge is a pure function of the evidence, and cannot be talked into a verdict."""

import json
import re
from pathlib import Path

import pytest

from lab.probes import NOTHING, find, judge, read, write
from tests.probes.forged import FORGED

HERE = Path(__file__).parent
MODULES = (HERE.parents[1] / "lab" / "probes").glob("[a-z]*.py")
PROBES = sorted(module.stem.replace("_", "-") for module in MODULES)
EVIDENCE = json.loads((HERE / "evidence.json").read_text(encoding="utf-8"))  # of a real run
CASES = [
    pytest.param(name, changed, due, id=f"{name}: {changed}")
    for name, (_, cases) in FORGED.items()
    for changed, due in cases
]


def test_every_probe_has_evidence_and_forgeries_of_it():
    assert sorted(EVIDENCE) == sorted(FORGED) == PROBES


@pytest.mark.parametrize("name", PROBES)
def test_the_ruling_on_what_was_seen(name):
    assert judge(name, EVIDENCE[name])[:2] == FORGED[name][0][:2]


@pytest.mark.parametrize(("name", "changed", "due"), CASES)
def test_the_ruling_on_forged_evidence(name, changed, due):
    assert judge(name, {**EVIDENCE[name], **changed})[:2] == due[:2]
    assert due != FORGED[name][0], "this change does not matter"


CONDITIONAL = {
    "aio-linux-emulated",
    "coroutine-no-lock",
    "epoll-dup",
    "gevent-patch-first",
    "process-pool-same",
}


@pytest.mark.parametrize("name", PROBES)
def test_a_sentence_that_fails_in_one_case_only_is_told_from_one_that_fails(name):
    parts = judge(name, EVIDENCE[name]).parts
    assert bool(parts) is (name in CONDITIONAL)
    assert not parts or re.fullmatch(r"holds (for|where) .+, not (for|where) .+", parts)


@pytest.mark.parametrize(("name", "changed", "due"), CASES)
def test_what_holds_has_no_case_that_fails(name, changed, due):
    ruling = judge(name, {**EVIDENCE[name], **changed})
    assert not ruling.parts or ruling.holds is False


def test_a_control_that_fails_leaves_no_case():
    for name in ("aio-linux-emulated", "epoll-dup"):
        for changed, due in FORGED[name][1]:
            if not due.control:
                assert judge(name, {**EVIDENCE[name], **changed}).parts == ""


@pytest.mark.parametrize("name", PROBES)
def test_every_piece_of_evidence_matters(name):
    changed = {key for changes, _ in FORGED[name][1] for key in changes}
    assert changed == set(EVIDENCE[name])


@pytest.mark.parametrize("name", PROBES)
def test_a_judge_can_say_yes_and_no_and_that_the_control_failed(name):
    usual, cases = FORGED[name]
    rulings = [usual, *(due for _, due in cases)]
    assert {True, False} <= {ruling.holds for ruling in rulings}
    assert {True, False} <= {ruling.control for ruling in rulings}


@pytest.mark.parametrize("name", PROBES)
def test_evidence_with_a_piece_too_few_or_too_many_tells_nothing(name):
    whole = EVIDENCE[name]
    for key in whole:
        assert judge(name, {k: v for k, v in whole.items() if k != key}) == NOTHING
    assert judge(name, {**whole, "and": "1"}) == NOTHING
    assert judge(name, {}) == NOTHING
    assert judge(name, {"skipped": "not here"}) == NOTHING


@pytest.mark.parametrize("junk", ["", "-1", "nan", "inf", "1e999", "True", "0x10", "١", " 1"])
@pytest.mark.parametrize("name", PROBES)
def test_a_number_that_is_none_tells_nothing(name, junk):
    kinds = find(name).Seen.__annotations__
    for field, kind in kinds.items():
        if kind is not str:
            forged = {**EVIDENCE[name], field.replace("_", " "): junk}
            assert judge(name, forged) == NOTHING


@pytest.mark.parametrize("name", PROBES)
def test_what_is_written_is_read_again(name):
    seen = read(find(name).Seen, EVIDENCE[name])
    assert write(seen) == EVIDENCE[name]


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_says_what_it_looks_at_its_control_and_its_source(name):
    text = find(name).__doc__
    assert "\nLooked at: " in text
    assert "\nControl: " in text
    assert "\nSource: " in text
