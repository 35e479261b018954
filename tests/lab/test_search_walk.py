"""A search from its first trial to its last: with fakes, in no time, and with truths known."""

from collections import Counter

import pytest

from lab.errors import UsageError
from lab.search import analysis, walk
from lab.search.progress import Course
from tests.lab import fakes, searched

CAPACITY = {"select": 3000.0, "epoll": 7000.0}


def costs(cell):
    """epoll costs 28 us; select 20 us and 0.2 for each silent connection: equal at 40."""
    return 28.0 if cell.server == "epoll" else 20.0 + 0.2 * cell.factors["idle"]


def run(monkeypatch, servers, name="bear", store=None, **changes):
    lab, plan = searched.plan(name, **changes)
    monkeypatch.setattr(walk, "run_trial", servers.run_trial)
    world, stored, notes = fakes.World(), [], []
    course = Course(lab, "quick", plan.searches[0])

    def keep(record):
        stored.append(record)
        if store:
            store(record)

    searching = walk.SearchWalk(
        course=course,
        seed=plan.seed,
        stage=world.stage,
        place=fakes.PLACE,
        store=keep,
        progress=fakes.Watcher(),
        note=notes.append,
        pin=lambda _: None,
    )
    error = None
    try:
        searching.run()
    except KeyboardInterrupt as interrupt:
        error = interrupt
    (found,) = analysis.conclude(lab, plan, stored, {})
    return found, stored, world, notes, error


def test_the_capacity_of_each_server_lies_in_its_interval(monkeypatch):
    found, stored, _, _, _ = run(monkeypatch, searched.Servers(CAPACITY), budget=120.0)
    for turn in found.turns:
        assert turn.outcome == "found"
        assert turn.reached
        assert turn.low <= CAPACITY[turn.arm] <= turn.high
        assert f"{turn.arm} sustains" in turn.words
    assert len(stored) < 120
    assert found.ended == "nothing was left to ask"


def test_the_crossover_lies_in_its_interval(monkeypatch):
    found, _, _, _, _ = run(monkeypatch, searched.Servers(cost=costs), "turn", budget=120.0)
    (turn,) = found.turns
    assert turn.outcome == "found"
    assert turn.low <= 40 <= turn.high
    assert "epoll begins to beat select near idle" in turn.words


@pytest.mark.parametrize(
    ("epoll", "outcome", "words"),
    [(10.0, "below", "Always"), (500.0, "above", "None in the range")],
)
def test_no_crossover_in_the_range_is_said(monkeypatch, epoll, outcome, words):
    servers = searched.Servers(cost=lambda c: epoll if c.server == "epoll" else costs(c))
    found, _, _, _, _ = run(monkeypatch, servers, "turn", budget=120.0)
    assert found.turns[0].outcome == outcome
    assert found.turns[0].words.startswith(words)


def test_twins_are_not_decided(monkeypatch):
    servers = searched.Servers(cost=lambda _: 20.0)
    found, _, _, _, _ = run(monkeypatch, servers, "turn", budget=40.0)
    assert found.turns[0].outcome == "open"
    assert found.turns[0].words.startswith("Not decided in the budget")
    assert found.ended == "the budget was spent"


def test_a_search_keeps_to_its_budget_and_starts_no_round_that_would_not_end(monkeypatch):
    _, _, world, _, _ = run(monkeypatch, searched.Servers(CAPACITY, noise=1.0), budget=25.0)
    assert 15 < world.clock.ns / 1e9 <= 25


def test_void_trials_do_not_exceed_the_budget(monkeypatch):
    servers = searched.Servers(CAPACITY)
    servers.void = lambda number: number > 3
    _, _, world, _, _ = run(monkeypatch, servers, budget=15.0)
    assert world.clock.ns / 1e9 <= 15


def test_a_search_that_waits_for_the_kernel_says_what_became_of_its_budget(monkeypatch):
    """Each wait counts, and whoever watches is told of it."""
    servers = searched.Servers(CAPACITY)
    servers.waits = 9.0
    found, stored, _, notes, _ = run(monkeypatch, servers)
    assert len(stored) == 6
    assert found.took_s == pytest.approx(6 * 9.8)
    told = "54 s went by until the kernel could follow more connections"
    assert found.ended.startswith(f"the budget was spent; {told}")
    assert sum("9 s went by until" in note for note in notes) == 6


def test_a_search_ends_with_its_last_trial(monkeypatch):
    servers = searched.Servers(CAPACITY, noise=1.0)
    found, stored, _, _, _ = run(monkeypatch, servers, budget=1e6, tolerance=0.01)
    assert len(stored) <= 300
    assert found.turns[0].void == 0


def test_both_arms_of_a_round_are_asked_at_one_level_once_each(monkeypatch):
    servers = searched.Servers(cost=costs)
    _, stored, _, _, _ = run(monkeypatch, servers, "turn", budget=60.0)
    pairs = Counter((record.block, record.cell.split("/")[-1]) for record in stored)
    assert set(pairs.values()) == {2}
    assert len({block for block, _ in pairs}) == len(pairs)


def test_a_void_trial_is_repeated_inside_its_round(monkeypatch):
    servers = searched.Servers(CAPACITY)
    servers.void = lambda number: number == 3
    found, stored, _, _, _ = run(monkeypatch, servers)
    assert [record.attempt for record in stored[:4]] == [0, 0, 0, 1]
    assert stored[2].trial == stored[3].trial
    assert sum(turn.void for turn in found.turns) == 1
    assert all(turn.outcome == "found" for turn in found.turns)


def test_a_machine_that_is_never_quiet_ends_the_search_soon_and_void(monkeypatch):
    servers = searched.Servers(CAPACITY)
    servers.void = lambda number: True
    found, stored, _, _, _ = run(monkeypatch, servers)
    assert len(stored) <= 6 * 3 * 2
    assert {turn.outcome for turn in found.turns} == {"void"}
    assert "host-noise" in found.turns[0].words


def test_where_the_load_engine_ends_first_the_server_bears_that_at_least(monkeypatch):
    servers = searched.Servers({"select": 1e9, "epoll": 1e9})
    servers.share = lambda rate: 0.9 if rate > 5000 else 0.3
    found, _, _, _, _ = run(monkeypatch, servers)
    for turn in found.turns:
        assert turn.outcome == "at-least"
        assert 4000 < turn.low <= 5000
        assert turn.walled > 5000
        assert "the load engine is the limit" in turn.words


def test_one_answer_that_the_engine_spoils_is_no_wall(monkeypatch):
    servers, spoilt = searched.Servers(CAPACITY), []

    def share(_):
        spoilt.append(0)
        return 0.9 if len(spoilt) in (5, 11) else 0.3

    servers.share = share
    found, _, _, _, _ = run(monkeypatch, servers)
    assert [turn.walled for turn in found.turns] == [None, None]
    assert {turn.outcome for turn in found.turns} == {"found"}


def test_what_was_answered_before_an_interruption_is_analysed(monkeypatch):
    done = []

    def store(_):
        done.append(0)
        if len(done) == 20:
            raise KeyboardInterrupt

    found, stored, _, _, error = run(monkeypatch, searched.Servers(CAPACITY), store=store)
    assert error is not None
    assert len(stored) == 20
    assert sum(turn.trials for turn in found.turns) == 20


def test_the_analysis_of_the_records_says_what_the_search_knew(monkeypatch):
    lab, plan = searched.plan("bear")
    _, stored, _, _, _ = run(monkeypatch, searched.Servers(CAPACITY))
    once = analysis.conclude(lab, plan, stored, {})
    assert analysis.conclude(lab, plan, stored, {}) == once
    stray = stored[0].model_copy(update={"cell": "ladder/select/idle=0"})
    assert analysis.conclude(lab, plan, [*stored, stray], {}) == once


def test_a_server_that_cannot_run_here_is_skipped_and_the_other_searched(monkeypatch):
    lab, plan = searched.plan("bear")
    absent = {"select": "it needs another kernel"}
    gone = analysis.missing(plan.searches[0], absent)
    course = Course(lab, "quick", plan.searches[0])
    assert [cell.arm for cell in course.wanted(gone)] == ["epoll"]
    (found,) = analysis.conclude(lab, plan, [], absent)
    assert [turn.outcome for turn in found.turns] == ["skipped", "open"]
    assert "another kernel" in found.turns[0].words


def test_the_same_servers_are_searched_the_same_way(monkeypatch):
    first = run(monkeypatch, searched.Servers(CAPACITY))[1]
    again = run(monkeypatch, searched.Servers(CAPACITY))[1]
    assert first == again


def test_a_trial_of_a_search_goes_through_the_life_cycle_of_any_other():
    lab, plan = searched.plan("bear", arms=["epoll"], budget=20.0)
    world, stored = fakes.World(), []
    walk.SearchWalk(
        course=Course(lab, "quick", plan.searches[0]),
        seed=1,
        stage=world.stage,
        place=fakes.PLACE,
        store=stored.append,
        progress=fakes.Watcher(),
        note=lambda _: None,
        pin=lambda _: None,
    ).run()
    assert stored
    steps = ["start epoll", "verify echo", "prepare", "go", "release", "result", "stop"]
    said = [word for word in world.said if word in steps]
    assert said == steps * len(stored)
    rates = {order.classes["long"].rate for order in world.load.orders}
    assert len(rates) > 3  # it went up: every trial held
    (found,) = analysis.conclude(lab, plan, stored, {})
    assert found.turns[0].trials == len(stored)


def test_a_budget_that_can_decide_nothing_is_refused():
    with pytest.raises(UsageError, match="budget of 5 s is too small: 8 rounds take"):
        searched.plan("turn", budget=5.0)
