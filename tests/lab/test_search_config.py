"""`searches:` in lab.yaml and on the command line: what is refused, how; hash and plan."""

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab import possible
from lab.budget import Machine
from lab.cli import app
from lab.config import load, parse
from lab.errors import ConfigErrors, UsageError
from lab.forecast import forecast
from lab.listing import plan_text, searches
from lab.plan import choose, expand
from lab.schema import Lab
from lab.search.command import _asked
from lab.search.shapes import edge, share
from tests.lab import searched

ROOT = Path(__file__).parents[2]

MISTAKES = [
    ("kind: capacity", "kind: capasity", 'searches.bear.kind: "capasity" is not a kind of search.'),
    ("    kind: capacity\n", "", 'searches.bear: "kind" is missing. Write one of capacity, '),
    ("experiment: rates", "experiment: rate", "is not an experiment. Did you mean rates?"),
    ("over: idle", "over: idel", '"idel" is not a factor of ladder.'),
    ("select / epoll\n    tol", "select / select\n    tol", "an arm stands here twice"),
    ("select / epoll\n    tol", "select / gevent\n    tol", '"gevent" is not an arm of ladder.'),
    ("tolerance: 25 %", "tolerance: 0.25", '"0.25" is not a share from 1 % to 100 %. Write 5 %.'),
    ("tolerance: 25 %", "tolerance: 0 %", '"0 %" is not a share from 1 % to 100 %.'),
    ("budget: 60 s\n    profiles: [quick]\n  turn", "budget: 60\n    profiles: [quick]\n  turn",
     'searches.bear.budget: "60" has no unit. Write 60 s.'),
    ("tolerance: 10 %", "p99: 5 µm", '"5 µm" is not a time. Write 0.5 s, 2 ms or 400 us.'),
    ("tolerance: 10 %", "arms: [poll]", '"poll" is not an arm of rates.'),
    ("tolerance: 10 %", "at: {idle: 4}", "searches.bear.at.idle: is no factor to fix here."),
    ("tolerance: 10 %", "class: short", '"short" is not a class that asks in rates.'),
    ("tolerance: 10 %", "from: 500/s\n    to: 100/s", "from 500 to 100 is no range."),
    ("tolerance: 10 %", "from: many", '"many" is not a level. Write 900, 500/s or 4 KiB.'),
    ("tolerance: 10 %", "from: 0", "rate cannot be 0 here. Write a level of 1 or more."),
    ("tolerance: 25 %", "to: 5000", "turn.to: at 5000: select cannot hold 5004 connections"),
    ("tolerance: 25 %", "metric: memory", '"memory" is not known here. Write one of cpu, p50'),
    ("  bear:\n", "  ladder:\n", "one of the experiments has this name too"),
    ("factors: {rate: [100, 20000]}", "factors: {rate: [100]}", "has no range of rate in quick"),
    ("long: {connections: 4, rate: $rate}", "long: {connections: $rate, rate: 9/s}",
     "a capacity is a rate, and rate is none. Write rate: $rate in the load of rates."),
    ("long: {connections: 4, rate: $rate}", "long: {connections: $rate, think: 0 s}",
     "it needs an open load (rate). Mend the load of rates."),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words"), MISTAKES, ids=[new for _, new, _ in MISTAKES])
def test_a_mistake_is_told_in_one_line_at_its_place(old, new, words):
    assert searched.TEXT.count(old) >= 1
    with pytest.raises(ConfigErrors) as caught:
        parse(searched.TEXT.replace(old, new, 1).encode())
    told = [line for line in caught.value.problems if words in line]
    assert len(told) == 1, caught.value.problems
    assert told[0].startswith("lab.yaml:")


def test_a_lab_with_searches_survives_its_own_json():
    lab = searched.lab()
    assert Lab.model_validate_json(lab.model_dump_json(by_alias=True)) == lab


def test_a_lab_without_searches_keeps_the_hash_it_had():
    text = searched.TEXT[: searched.TEXT.index("searches:")]
    text += searched.TEXT[searched.TEXT.index("claims:") :]
    lab = parse(text.encode())
    dumped = lab.model_dump(mode="json")
    assert "searches" not in dumped
    canonical = json.dumps(dumped, sort_keys=True, ensure_ascii=False)
    assert lab.sha256 == hashlib.sha256(canonical.encode()).hexdigest()
    plan = expand(lab, ["ladder"], "quick", 1)
    assert "searches" not in plan.model_dump_json()


def test_a_plan_says_what_is_searched_and_for_how_long_at_most():
    _, plan = searched.plan("bear")
    assert plan.trials == []
    (one,) = plan.searches
    assert (one.low, one.high, one.arms) == (100, 20_000, ["select", "epoll"])
    assert {cell.id for cell in plan.every_cell} == {cell.id for cell in one.edges}
    assert 60 <= forecast(plan).total_s < 75
    text = plan_text(plan)
    assert "search bear: capacity of select, epoll over rate, 100 to 20000, to 10%" in text
    assert "at most 60 s and 300 trials" in text


def test_an_experiment_that_only_a_search_uses_is_not_run_by_itself():
    found = choose(searched.lab(), [], "quick")
    assert "rates" not in {cell.experiment for cell in found.cells}
    assert found.searches == ["bear", "turn"]


def test_a_search_is_selected_by_its_name_in_any_profile_and_by_a_pattern_where_it_is_listed():
    text = searched.TEXT.replace(
        "  quick: {looks", "  other: {looks: [2], warm-up: 1 s, window: 1 s, cool-down: 0 s}\n"
        "  quick: {looks", 1
    )  # fmt: skip
    lab = parse(text.encode())
    assert choose(lab, ["bear"], "other").searches == ["bear"]
    assert choose(lab, ["bear", "t*"], "quick").searches == ["bear", "turn"]
    with pytest.raises(UsageError, match="nothing to run in profile other"):
        choose(lab, ["be*"], "other")
    with pytest.raises(UsageError, match="Did you mean bear"):
        choose(lab, ["baer"], "quick")


@pytest.mark.parametrize(("text", "level"), [("900", 900), (7, 7), ("500/s", 500), ("4 KiB", 4096)])
def test_a_level_may_carry_its_unit(text, level):
    assert edge(text) == level


@pytest.mark.parametrize(("text", "found"), [("5 %", 0.05), ("12.5%", 0.125), ("100 %", 1.0)])
def test_a_share_is_written_in_per_cent(text, found):
    assert share(text) == found


def test_searches_are_listed_with_their_questions():
    rows = searches(searched.lab())
    assert [(row["search"], row["kind"]) for row in rows] == [
        ("bear", "capacity"),
        ("turn", "crossover"),
    ]


def test_the_book_has_two_searches():
    lab = load(ROOT / "lab.yaml")
    assert lab.searches["short-capacity"].kind == "capacity"
    assert lab.searches["idle-turn"].kind == "crossover"
    assert expand(lab, [], "quick", 1).searches == []


def test_what_the_command_line_asks_becomes_a_search_of_that_lab(tmp_path):
    file = tmp_path / "lab.yaml"
    file.write_text(searched.TEXT, encoding="utf-8")
    search = {"kind": "crossover", "question": "?", "over": "idle", "ratio": "poll / epoll"}
    asked = _asked({**search, "experiment": "ladder"}, None, "5%", "90s", "quick")
    found = load(file, asked).searches["search"]
    assert str(found.ratio) == "poll / epoll"
    assert (found.tolerance, found.budget) == (0.05, 90.0)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("capacity nosuch", '"nosuch" is not a server.'),
        ("capacity epoll --p99 5", '"5" has no unit. Write 5 s.'),
        ("capacity epoll --class wide", "--class wide: write long or short."),
        ("capacity epoll --budget soon", '"soon" is not a span of time.'),
        ("capacity epoll --protocol gopher", '"gopher" is not a protocol.'),
        ("capacity epoll --backend attach", "attached servers need more words"),
        ("crossover select epoll --over idle", "a range is missing. Write --from and --to"),
        ("crossover select epoll --over sky --from 1 --to 2", "--over sky: write idle, "),
        ("crossover select epoll --over idle --experiment laddr", "Did you mean ladder?"),
        ("crossover select epoll --over rate --from 1 --to 9 --load {", "--load is no load."),
    ],
)
def test_a_wrong_command_is_told_in_one_line_and_nothing_runs(tmp_path, words, told):
    file = tmp_path / "lab.yaml"
    file.write_text(searched.TEXT, encoding="utf-8")
    results = tmp_path / "results"
    extra = ["--lab", str(file), "--results", str(results)]
    done = CliRunner().invoke(app, ["search", *words.split(), *extra])
    assert done.exit_code == 2
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not results.exists()


def test_a_level_that_this_machine_cannot_have_is_refused_before_anything_runs():
    text = searched.TEXT.replace("tolerance: 25 %", "to: 60000").replace(
        "ratio: select / epoll\n    to", "ratio: poll / epoll\n    to"
    )
    lab = parse(text.replace("budget: 60 s", "budget: 600 s").encode())
    plan = expand(lab, ["turn"], "quick", 1)
    machine = Machine(cpus=2, nofile=20_000, ports=28_232)
    told = possible.look(Path("lab.yaml"), lab, plan, machine).problems
    assert any("searches.turn/poll/idle=60000 needs 60," in line for line in told), told
    assert all(line.startswith("searches.turn/") for line in told)
