"""Loads that change: what lab.yaml may say of them, what a plan makes of it, what is refused."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.cells import cells
from lab.config import parse
from lab.course_words import pace_words
from lab.courses import active, changes, due, window
from lab.document import plain
from lab.errors import ConfigErrors
from lab.model import ClassLoad, Timing
from lab.schema import Lab
from lab.traced import bounded
from loadtests.engine import order, staged

BASE = """\
version: 1
profiles:
  quick: {looks: [12], warm-up: 0.2 s, window: 0.6 s, cool-down: 0.1 s}
  full: {looks: [12], warm-up: 1 s, window: 3 s, cool-down: 0.2 s}
experiments:
  one:
    question: What does a load that changes cost?
    arms: [select, epoll]
    load:
      long: {LOAD}
      idle: {connections: 1}
    factors: {FACTORS}
claims:
  cheap:
    kind: below
    sentence: epoll is cheaper.
    experiment: one
    metric: METRIC
    ratio: epoll / select
    below: 1.1
    because: more would matter
    profiles: [PROFILE]
"""


def text(load: str, factors: str = "", metric: str = "pss", profile: str = "quick") -> str:
    found = BASE.replace("{LOAD}", f"{{{load}}}").replace("METRIC", metric)
    found = found.replace("PROFILE", profile)
    if not factors:
        return found.replace("    factors: {FACTORS}\n", "")
    [(name, levels)] = yaml.safe_load(f"{{{factors}}}").items()
    found = found.replace("{FACTORS}", f"{{{factors}}}")
    return found.replace("    below:", f"    at: {{{name}: {levels[0]}}}\n    below:")


def lab_of(load: str, **others: str) -> Lab:
    return parse(text(load, **others).encode())


def told(load: str, **others: str) -> list[str]:
    """Return what is said of a load, without its place."""
    try:
        lab_of(load, **others)
    except ConfigErrors as errors:
        return errors.problems
    return []


def planned(load: str, profile: str = "quick", **others: str) -> ClassLoad:
    return cells(lab_of(load, **others), profile, "one")[0].load["long"]


@pytest.mark.parametrize(
    ("load", "rate", "start", "stages"),
    [
        pytest.param("rate: 9/s", 9, 0, [], id="constant"),
        pytest.param(
            "start: 100/s, stages: [{for: 500 ms, to: 2000/s}, {for: 0 s, to: 50/s}]",
            2000,
            100,
            [(0.5, 2000), (0, 50)],
            id="stages",
        ),
        pytest.param("stages: [{for: 1 ms, to: 5/s}]", 5, 0, [(0.001, 5)], id="from nothing"),
        pytest.param("start: 9/s, stages: [{for: 1 ms, to: 5/s}]", 9, 9, [(0.001, 5)], id="down"),
        pytest.param(
            "stages: {step: [100/s, 400/s, 200/s]}",
            400,
            100,
            [(0.2 + 0.6 / 3, 100), (0, 400), (0.6 / 3, 400), (0, 200)],
            id="step: equal parts of the window",
        ),
        pytest.param(
            "stages: {spike: {from: 100/s, to: 900/s}}",
            900,
            100,
            [(0.2 + 0.6 / 3, 100), (0, 900), (0.6 / 3, 900), (0, 100)],
            id="spike: the middle third of the window",
        ),
        pytest.param(
            "stages: {spike: {from: 100/s, to: 900/s, at: 50 ms, for: 20 ms}}",
            900,
            100,
            [(0.25, 100), (0, 900), (0.02, 900), (0, 100)],
            id="spike: where it says",
        ),
        pytest.param("stages: {soak: 300/s}", 300, 0, [(0.2, 300)], id="soak: up in the warm-up"),
    ],
)
def test_a_rate_that_changes_is_written_out_in_the_plan(load, rate, start, stages):
    found = planned(f"connections: 4, {load}")
    assert (found.connections, found.rate, found.start) == (4, rate, start)
    assert found.stages == stages
    assert found.executor == ("ramping-arrival-rate" if stages else "")
    assert staged.problem(found) == ""


@pytest.mark.parametrize(
    ("load", "start", "stages"),
    [
        pytest.param("start: 2, stages: [{for: 50 ms, to: 8}]", 2, [(0.05, 8)], id="stages"),
        pytest.param("stages: {soak: 8}", 0, [(0.2, 8)], id="soak"),
        pytest.param("stages: {step: [4, 8]}", 4, [(0.2 + 0.6 / 2, 4), (0, 8)], id="step"),
    ],
)
def test_a_number_of_connections_that_changes(load, start, stages):
    found = planned(f"connections: 8, think: 1 ms, spread: exponential, {load}")
    assert (found.connections, found.rate, found.think_s) == (8, 0, 0.001)
    assert (found.start, found.stages, found.spread) == (start, stages, "exponential")
    assert found.executor == "ramping-vus"
    assert staged.problem(found) == ""


def test_short_forms_follow_the_phases_of_a_profile():
    load = "connections: 4, stages: {spike: {from: 1/s, to: 9/s}}"
    assert planned(load, "quick").stages[0][0] == pytest.approx(0.4)
    assert planned(load, "full").stages[0][0] == pytest.approx(2.0)


def test_an_experiments_own_phases_count():
    own = BASE.replace(
        "    factors: {FACTORS}\n",
        "    timing: {quick: {window: 0.3 s, because: shorter}}\n",
    ).replace("{LOAD}", "{connections: 4, stages: {step: [1/s, 2/s]}}")
    lab = parse(own.replace("METRIC", "cpu").replace("PROFILE", "quick").encode())
    assert cells(lab, "quick", "one")[0].load["long"].stages[0] == (0.35, 1)


def test_levels_of_a_factor_may_stand_in_stages():
    load = "connections: 4, start: $low, stages: [{for: 1 ms, to: 300/s}, {for: 0 s, to: $low}]"
    found = planned(load, factors="low: [100, 400]")
    assert (found.rate, found.start, found.stages) == (300, 100, [(0.001, 300), (0, 100)])
    lab = lab_of(load, factors="low: [100, 400]")
    assert cells(lab, "quick", "one")[1].load["long"].rate == 400


@pytest.mark.parametrize(
    "load",
    [
        "rate: 9/s, executor: constant-arrival-rate",
        "think: 0 s, executor: constant-vus",
        "think: 1 ms, spread: exponential, executor: constant-vus",
        "stages: [{for: 1 ms, to: 5/s}], executor: ramping-arrival-rate, spacing: poisson",
        "think: 0 s, stages: [{for: 1 ms, to: 4}], executor: ramping-vus",
    ],
)
def test_an_executor_that_is_said_is_the_one_that_is_inferred(load):
    said = planned(f"connections: 4, {load}")
    inferred = planned(f"connections: 4, {load.partition(', executor')[0]}")
    assert said.model_copy(update={"spacing": "constant"}) == inferred


def test_a_load_that_does_not_change_leaves_no_trace():
    plain_one = planned("connections: 4, rate: 9/s").model_dump_json()
    assert not any(key in plain_one for key in ("spread", "executor", "start", "stages"))
    lab = lab_of("connections: 4, rate: 9/s").experiments["one"].load.long
    assert not any(
        key in lab.model_dump_json() for key in ("spread", "executor", "start", "stages")
    )


@pytest.mark.parametrize(
    "load",
    [
        "start: 100/s, stages: [{for: 0.5 s, to: 2000/s}]",
        "think: 0 s, stages: {step: [2, 4]}",
        "stages: {spike: {from: 1/s, to: 2/s, at: 1 ms, for: 2 ms}}",
    ],
)
def test_a_lab_with_stages_survives_json(load):
    lab = lab_of(f"connections: 4, {load}")
    again = Lab.model_validate_json(lab.model_dump_json())
    assert again == lab
    assert again.sha256 == lab.sha256
    long = cells(lab, "quick", "one")[0].load["long"]
    assert ClassLoad.model_validate_json(long.model_dump_json()) == long
    order.load("long", long.model_dump(mode="json"))


CASES = yaml.safe_load((Path(__file__).parent / "course_mistakes.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["load"] for case in CASES])
def test_each_mistake_is_told_with_its_place_and_what_to_write(case):
    assert told(f"connections: 4, {case['load']}") == [f"lab.yaml:{case['told']}"]


def test_a_level_that_is_none_is_told():
    found = told("connections: 4, stages: {soak: $rat}")
    where = "lab.yaml:10:45: experiments.one.load.long.stages.soak"
    assert found == [f'{where}: "rat" is not a factor. There are none.']


def test_stages_may_be_too_long_for_one_profile_alone():
    found = told("connections: 4, stages: [{for: 2 s, to: 9/s}]")
    assert len(found) == 1
    assert "stages of 2 s, but a trial of quick" in found[0]


@pytest.mark.parametrize("metric", ["cpu", "throughput"])
@pytest.mark.parametrize(
    ("stages", "refused"),
    [
        ("{soak: 4}", False),
        ("{step: [2, 4]}", True),
        ("[{for: 0.2 s, to: 4}, {for: 0.6 s, to: 4}, {for: 0.1 s, to: 0}]", False),
        ("[{for: 0.2 s, to: 4}, {for: 0.6 s, to: 0}]", True),
    ],
)
def test_no_claim_but_on_memory_stands_on_a_crowd_that_changes_in_the_window(
    metric, stages, refused
):
    load = f"connections: 4, think: 1 ms, stages: {stages}"
    found = told(load, metric=metric)
    assert bool(found) is refused
    assert all("would be of two loads" in line for line in found)
    assert told(load, metric="pss") == []


@pytest.mark.parametrize("metric", ["cpu", "p50", "pss", "response-mean"])
def test_claims_may_stand_on_a_rate_that_changes_in_the_window(metric):
    assert told("connections: 4, stages: {step: [100/s, 900/s]}", metric=metric) == []


def test_a_percentile_needs_as_many_requests_as_stages_bring_into_the_window():
    """1000/s for a third of 0.6 s are 200 requests; 2 s of the full profile's 3 s are enough."""
    spike = "connections: 4, stages: {spike: {from: 0/s, to: 1000/s}}"
    assert "has 200 requests, p99 needs 1000" in told(spike, metric="p99")[0]
    assert told(spike, metric="p99", profile="full") == []


TIMING = Timing(warm_up=1, window=2, cool_down=1)


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (ClassLoad(connections=4, rate=10), 20),
        (ClassLoad(connections=4, rate=10, stages=[(4, 10)]), 10 * (9 - 1) / 8),
        (ClassLoad(connections=4, rate=10, start=10, stages=[(1, 10), (0, 4)]), 8),
    ],
)
def test_requests_due_in_the_window(load, expected):
    assert window(TIMING) == (10**9, 3 * 10**9)
    assert due(load, TIMING) == pytest.approx(expected)


def test_connections_active_in_the_window():
    assert active(ClassLoad(connections=4), TIMING) == 4
    assert active(ClassLoad(connections=4, start=0, stages=[(2, 0), (0, 4)]), TIMING) == 2


@pytest.mark.parametrize(
    ("stages", "expected"),
    [([], False), ([(1, 10)], False), ([(1.1, 10)], True), ([(1, 10), (1, 10), (0, 5)], True)],
)
def test_a_load_changes_in_the_window_or_outside(stages, expected):
    assert changes(ClassLoad(connections=4, rate=10, stages=stages), TIMING) is expected


def test_a_trace_is_taken_at_the_highest_level():
    lab = lab_of("connections: 400, think: 1 ms, stages: {step: [100, 400]}")
    found = bounded(cells(lab, "quick", "one")[0]).load["long"]
    assert (found.connections, found.stages, found.executor, found.start) == (100, [], "", 0)
    lab = lab_of("connections: 4, stages: {step: [10/s, 400/s]}")
    found = bounded(cells(lab, "quick", "one")[0]).load["long"]
    assert (found.rate, found.stages, staged.problem(found)) == (100, [], "")


@pytest.mark.parametrize(
    ("load", "words"),
    [
        ("rate: 9/s", "open 9/s constant"),
        ("think: 1 ms, spread: exponential", "closed, think 1000 us on average (exponential)"),
        (
            "start: 5/s, stages: [{for: 1 ms, to: 9/s}, {for: 0 s, to: 1/s}, {for: 1 ms, to: 1/s}]",
            "open 5/s to 9/s in 0.001 s, then 1/s for 0.001 s constant",
        ),
        ("think: 0 s, stages: {soak: 4}", "closed, 0 asking to 4 asking in 0.2 s"),
        ("stages: {soak: 4/s}, spacing: poisson", "open 0/s to 4/s in 0.2 s poisson"),
    ],
)
def test_a_load_in_words(load, words):
    assert pace_words(planned(f"connections: 4, {load}")) == words


WORDS = ["for", "to", "from", "at", "step", "spike", "soak", "each", "$n", "5/s", "2 ms", "x"]
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 9), st.floats(), st.sampled_from(WORDS)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(["stages", "start", "executor", "spread", "think", "rate", "spacing"])


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_load_is_explained_or_is_one_that_the_engine_takes(load):
    raw = yaml.safe_load(BASE.replace("    factors: {FACTORS}\n", "").replace("{LOAD}", "null"))
    raw["experiments"]["one"]["load"]["long"] = {"connections": 4, "think": "0 s", **load}
    raw["claims"]["cheap"] |= {"metric": "pss", "profiles": ["quick"]}
    try:
        lab, problems = parse(yaml.safe_dump(raw, allow_unicode=True).encode()), []
    except ConfigErrors as errors:
        lab, problems = None, errors.problems
    assert all(plain(line) == line for line in problems)
    for profile in ("quick", "full") if lab else ():
        for cell in cells(lab, profile, "one"):
            order.load("long", cell.load["long"].model_dump(mode="json"))


def test_messages_are_plain():
    assert all(plain(line) == line for line in told("connections: 4, stages: {soak: 9}"))
