"""Numbers in words: tables with the expectation spelled out."""

import math

import pytest

from lab.report import words
from lab.report.model import Estimate

from . import sample_results as sample

NBSP = words.SPACE


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (3.1, "3.10"),
        (31.24, "31.2"),
        (0.01234, "0.0123"),
        (999.6, "1,000"),
        (1234567, "1,234,567"),
        (0.0000123, "1.2e-05"),
        (-0.5, "-0.500"),
        (math.inf, "∞"),
        (math.nan, "undefined"),
    ],
)
def test_three_significant_digits(value, said):
    assert words.number(value) == said


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (2.9, 3.4, "2.90–3.40"),
        (None, 3.4, "at most 3.40"),
        (2.9, None, "2.90 or more"),
        (None, None, "no finite interval"),
    ],
)
def test_an_open_end_is_said_in_words(low, high, said):
    assert words.interval(Estimate(value=3.1, low=low, high=high)) == said


def test_the_numbers_of_an_estimate_share_their_decimals():
    assert words.estimate(Estimate(value=0.97, low=0.93, high=1.02)) == "0.97 (0.93–1.02)"
    assert words.estimate(Estimate(value=1.2, low=0.01, high=150)) == "1.20 (0.0100–150)"


@pytest.mark.parametrize(
    ("ns", "said"),
    [(450, "450 ns"), (12_300, "12.3 µs"), (1_240_000, "1.24 ms"), (2_100_000_000, "2.10 s")],
)
def test_a_time_chooses_its_unit(ns, said):
    assert words.time_ns(ns).replace(NBSP, " ") == said


def test_a_time_estimate_keeps_one_unit():
    said = words.time_estimate(Estimate(value=1_000_000, low=980_000, high=1_020_000))
    assert said == f"1.00{NBSP}ms (0.98–1.02)"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.42, "0.4 s"), (35, "35 s"), (750, "12 min 30 s"), (4320, "1 h 12 min"), (7200, "2 h")],
)
def test_a_duration_is_for_people(seconds, said):
    assert words.duration(seconds).replace(NBSP, " ") == said


def test_units_instants_chances_and_counts():
    assert words.unit("us/request") == "µs per request"
    assert words.unit("status/s") == "status per s"
    assert words.moment("2026-01-02T03:04:05.123+00:00") == "2026-01-02 03:04:05 UTC"
    assert [words.chance(p) for p in (None, 0.0002, 0.0341)] == ["–", "< 0.001", "0.034"]
    assert words.times({"a": 1, "b": 2, "c": 3, "d": 0}) == "a once, b twice, c 3 times"


def test_a_design_is_one_line_and_says_who_decides():
    measured = words.design(sample.supported())
    assert measured == (
        "select against epoll-level, at idle 900; 4 long, open 1000/s constant, 64 B; 900 idle; "
        "server CPU time per completed request; select/epoll-level at least 1.3, "
        "because less would not make anyone rewrite a server"
    )
    by_id = {verdict.claim: verdict for verdict in sample.others()}
    assert words.design(by_id["epoll-mmap"]) == (
        "a program looks, beside a control that must come out otherwise; "
        "probe epoll_mmap, three of three"
    )
    assert words.design(by_id["replicate/table"]) == (
        "a program measures a table, 12 times in fresh processes; "
        "2 statements on the shape of a table"
    )
    assert words.blocks(by_id["epoll-mmap"]).replace(NBSP, " ") == "3 of 3 repeats"


def test_the_answer_in_one_line():
    assert words.answer(sample.full()).replace(NBSP, " ") == (
        "Of 8 sentences, 2 are supported, 3 are refuted, 1 is inconclusive, "
        "1 is void and 1 is skipped."
    )
    assert words.answer(sample.empty()) == "No sentence has a verdict in this run."


@pytest.mark.parametrize(
    ("outcome", "gate", "against"),
    [
        ("refuted", "supported", True),
        ("supported", "supported", False),
        ("void", "supported", False),
        ("inconclusive", "supported", False),
        ("refuted", None, False),
    ],
)
def test_only_a_decided_claim_is_against_its_gate(outcome, gate, against):
    verdict = sample.supported().model_copy(update={"outcome": outcome, "gate": gate})
    assert words.against_gate(verdict) is against
