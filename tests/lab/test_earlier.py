"""What a plan expects of a run, from how an earlier one went."""

import json
from pathlib import Path

import pytest

from lab import earlier, twins
from lab.config import parse
from lab.forecast import START_S, Earlier, forecast, trial_seconds
from lab.listing import plan_text
from lab.model import Plan
from lab.plan import expand
from lab.store import RunFacts

MORE = b"""\
version: 1
profiles:
  full: {looks: [6, 12], warm-up: 0.1 s, window: 0.5 s, cool-down: 0.05 s}
experiments:
  ladder:
    question: What does a silent connection cost?
    arms: [select, epoll]
    load:
      long: {connections: 4, rate: 1000/s}
      idle: {connections: $idle}
    factors: {idle: [0, 20, 900]}
searches:
  turn:
    kind: crossover
    question: From how many on?
    experiment: ladder
    over: idle
    ratio: select / epoll
    metric: cpu
    from: 0
    to: 900
    tolerance: 25 %
    budget: 120 s
    profiles: [full]
claims:
  cheap:
    kind: compare
    sentence: select costs more.
    experiment: ladder
    metric: cpu
    ratio: select / epoll
    at: {idle: 900}
    at-least: 1.1
    because: a tenth matters
    profiles: [full]
"""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return expand(parse(MORE), [], "full", 1)


def store(
    results: Path,
    name: str,
    plan: Plan,
    *,
    attempts: int = 7,
    how: str = "finished",
    started: float = 1.0,
    notes: tuple[str, ...] = (),
) -> Path:
    """Store as much of a run as is looked at; its last cell was never measured."""
    facts = RunFacts(
        id=name,
        profile=plan.profile,
        seed=plan.seed,
        order=plan.order,
        backend="process",
        command=[],
        started_unix=started,
        ended_unix=None,
        how=how,
        host="abc",
        machine={},
        version="0",
        notes=list(notes),
    )
    found: dict[str, object] = {
        "cells": [{"id": cell.id, "attempts": attempts} for cell in plan.cells[:-1]]
    }
    if plan.searches:
        found["searches"] = [{"id": "turn", "took_s": 30.0}]
    folder = results / name
    folder.mkdir()
    (folder / "run.json").write_text(facts.model_dump_json())
    (folder / "plan.json").write_text(plan.model_dump_json())
    (folder / "results.json").write_text(json.dumps(found))
    return folder


def test_it_takes_as_long_as_it_took_then(tmp_path: Path, plan: Plan) -> None:
    """Attempts by cell, times what an attempt takes now; the search as long as it went."""
    store(tmp_path, "then", plan)
    found = earlier.newest(tmp_path, plan)
    assert found is not None
    assert found.attempts[plan.cells[0].id] == 7
    assert found.attempts[plan.cells[-1].id] == 0  # planned, and never run
    told = forecast(plan, earlier=found)
    measured = sum(trial_seconds(cell) for cell in plan.cells[:-1])
    assert told.expected_s == pytest.approx(START_S + 7 * measured + 30)


def test_what_it_did_not_know_takes_all_its_blocks(plan: Plan) -> None:
    nothing = Earlier(run="then", attempts={}, searches={})
    told = forecast(plan, earlier=nothing)
    assert told.expected_s == pytest.approx(told.total_s)


def test_the_words_name_the_run(tmp_path: Path, plan: Plan) -> None:
    store(tmp_path, "then", plan)
    text = plan_text(plan, earlier.newest(tmp_path, plan))
    assert text.endswith("if it goes as then went")
    assert "if all claims are decided at the first look (6 blocks)" in text
    assert "went" not in plan_text(plan)


def test_the_newest_finished_run_is_taken(tmp_path: Path, plan: Plan) -> None:
    assert earlier.newest(tmp_path, plan) is None
    assert earlier.newest(tmp_path / "none", plan) is None
    store(tmp_path, "a", plan, attempts=9, started=2.0)
    store(tmp_path, "b", plan, attempts=6, started=1.0)
    store(tmp_path, "c", plan, attempts=1, started=3.0, how="running")
    (tmp_path / "last").symlink_to("b")
    found = earlier.newest(tmp_path, plan)
    assert found is not None
    assert found.run == "a"


@pytest.mark.parametrize("gone", ["run.json", "plan.json", "results.json"])
@pytest.mark.parametrize("left", [None, "", "[]", "{}", '{"cells": [1]}'])
def test_what_cannot_be_read_is_passed_over(
    tmp_path: Path, plan: Plan, gone: str, left: str | None
) -> None:
    store(tmp_path, "good", plan, started=1.0)
    broken = store(tmp_path, "broken", plan, started=2.0) / gone
    broken.unlink()
    if left is not None:
        broken.write_text(left)
    found = earlier.newest(tmp_path, plan)
    assert found is not None
    assert found.run == "good"


def test_a_run_without_searches_tells_as_much(tmp_path: Path, plan: Plan) -> None:
    alone = plan.model_copy(update={"searches": []})
    store(tmp_path, "then", alone)
    found = earlier.newest(tmp_path, alone)
    assert found is not None
    assert found.searches == {}


def test_a_run_of_twins_tells_nothing(tmp_path: Path, plan: Plan) -> None:
    """Where both arms are the same server a claim is decided sooner."""
    store(tmp_path, "twins", plan, notes=("budget 5 min", twins.NOTE))
    assert earlier.newest(tmp_path, plan) is None


def test_other_looks_or_other_cells_tell_nothing(tmp_path: Path, plan: Plan) -> None:
    store(tmp_path, "looks", plan.model_copy(update={"looks": [6]}))
    store(tmp_path, "until", plan.model_copy(update={"until": 24}))
    store(tmp_path, "cells", plan.model_copy(update={"cells": []}))
    store(tmp_path, "profile", plan.model_copy(update={"profile": "quick"}))
    assert earlier.newest(tmp_path, plan) is None
