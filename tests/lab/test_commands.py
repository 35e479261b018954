"""The commands on kept runs, and the flags of a run, on the command line and with fakes."""

import json
import math
import random

import pytest

from lab import programs, replications
from lab.config import parse
from lab.data import Data
from lab.judging import still_needed
from lab.plan import expand
from lab.replications import Absent
from lab.store import create
from tests.lab import simulated
from tests.lab.fakes import Watcher
from tests.lab.test_analysis import FACTS
from tests.lab.test_book_rules import BOOK, book, slower, stored
from tests.lab.test_cli import lab
from tests.lab.test_kinds import COMMON, HEAD, cost

assert book  # a fixture


@pytest.fixture
def two(tmp_path, book):
    stored(tmp_path, book, "then")
    stored(tmp_path, book, "now", truth=slower, noise=2)
    return tmp_path


def test_compare_prints_what_changed_and_writes_json(two):
    done = lab("compare", "then", "now", "--results", two, "--json", two / "c.json")
    assert done.returncode == 0, done.stderr
    assert "blocks paired, the seed is the same" in done.stdout
    assert "refuted (turned)" in done.stdout
    assert "turned: near" in done.stdout
    found = json.loads((two / "c.json").read_text())
    assert found["turned"] == ["near"]
    assert {change["claim"] for change in found["changes"]} >= {"far", "near"}


def test_unlike_runs_are_refused_or_marked(two, book):
    stored(two, book, "docker", backend="docker")
    refused = lab("compare", "then", "docker", "--results", two)
    assert refused.returncode == 5
    assert "meter: backend process, then docker" in refused.stderr
    assert refused.stdout == ""
    marked = lab("compare", "then", "docker", "--results", two, "--anyway")
    assert marked.returncode == 0
    assert marked.stdout.startswith("unlike: meter")


def test_history_lists_every_run(two):
    done = lab("history", "near", "--results", two, "--json", two / "h.json")
    assert done.returncode == 0
    assert done.stdout.count("near") == 0
    assert [e["outcome"] for e in json.loads((two / "h.json").read_text())] == [
        "refuted",
        "supported",
    ]
    nothing = lab("history", "nobody", "--results", two)
    assert nothing.returncode == 2
    assert "no run in" in nothing.stderr


def test_shuffle_says_how_often_the_rules_err(two):
    done = lab("shuffle", "then", "--results", two, "--times", "100", "--json", two / "s.json")
    assert done.returncode == 0, done.stdout
    assert "assert a difference" in done.stdout
    found = json.loads((two / "s.json").read_text())
    assert found["summary"]["asserts"] <= 0.05


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run", "--budget", "soon"), 2, "is not a span of time"),
        (("run", "--budget", "20"), 2, "has no unit"),
        (("run", "--most-blocks", "40"), 2, "--until-decided"),
        (("plan", "--budget", "1s", "idle-epoll"), 2, "no claim fits"),
        (("plan", "--aa", "select-1024"), 2, "only that can be run as A/A"),
        (("plan", "--aa", "idle-epol"), 2, "Did you mean idle-epoll?"),
        (("compare", "nowhere", "last"), 2, "no run"),
        (("shuffle", "last", "--times", "3"), 2, "100"),
    ],
)
def test_wrong_words_are_told(words, code, said, tmp_path):
    more = () if words[0] == "plan" else ("--results", tmp_path)
    done = lab(*words, *more)
    assert done.returncode == code
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_plan_says_what_a_budget_leaves_out_and_what_is_missing(tmp_path):
    file = tmp_path / "lab.yaml"
    text = BOOK.replace("cpus: 3, nofile: 4200, features: [io_uring]", "cpus: 200")
    file.write_text(text, encoding="utf-8")
    done = lab("plan", "--lab", file, "--budget", "20s")
    assert "left out" in done.stdout
    assert "claim big: it takes 200 CPUs" in done.stdout


def test_twins_are_planned_on_the_command_line():
    found = json.loads(lab("plan", "--aa", "--json").stdout)
    servers = {}
    for cell in found["cells"]:
        servers.setdefault(cell["experiment"], set()).add(cell["server"])
    assert servers
    assert all(len(names) == 1 for names in servers.values())
    assert "select-linear" not in found["claims"]


# still_needed, block by block: what a run does without running


CLOSE = f"""
  close:{COMMON}
    kind: compare
    ratio: select / epoll
    at-least: 1.44
    at: {{idle: 10}}
  grows:{COMMON.replace("    because: it must be more than nothing", "")}
    kind: growth
    arm: poll
    over: idle
    growth: linear
"""


def walked(file_text, until, sd, truth=cost):
    """Run a plan block by block, as the engine would; return the blocks of each cell."""
    head = HEAD.replace("[10, 100, 900]", "[10, 400, 900]")  # one that could show a bend
    lab_of = parse((head + file_text).encode())
    plan = expand(lab_of, list(lab_of.claims), "quick", 1, until=until)
    data, dice, blocks = Data(plan, ()), random.Random(7), {cell.id: 0 for cell in plan.cells}
    for block in range(plan.most + plan.most // 6):
        wanted = still_needed(lab_of, plan, data, "ladder", block)
        if not wanted:
            break
        for trial in plan.trials:
            if trial.block == block and trial.cell in wanted:
                cell = plan.cell(trial.cell)
                noise = math.exp(dice.gauss(0, sd))
                data.add(simulated.made(trial, cell, truth(cell) * noise))
                blocks[cell.id] += 1
    return blocks


def test_until_decided_goes_on_where_it_is_open_and_no_further_than_its_bound():
    without = walked(CLOSE, 0, 0.08)
    assert set(without.values()) == {12}
    bounded = walked(CLOSE, 20, 0.08)
    assert bounded["ladder/select/idle=10"] == 20
    assert bounded["ladder/poll/idle=900"] == 12  # growth has no rule beyond its looks
    decided = walked(CLOSE, 300, 0.03)
    assert 12 <= decided["ladder/select/idle=10"] < 300


def test_what_is_clear_stops_before_its_first_look():
    clear = CLOSE.replace("at-least: 1.44", "at-least: 1.1")
    found = walked(clear.split("  grows:", maxsplit=1)[0], 100, 0.02)
    assert set(found.values()) == {8}  # as few as the sign e-process can do with


# programs


class Kept:
    """A run's files, in memory."""

    def __init__(self, absent=()):
        self.lines = []
        self._facts = FACTS.model_copy(update={"absent": dict(absent)})

    def facts(self):
        return self._facts

    def append(self, name, line):
        self.lines.append((name, json.loads(line)))


PROGRAM = """
  replicate/five:
    kind: program
    sentence: So many.
    program: gil-5ms
    profiles: [quick]
    shape: [{value: rate, at: 5 ms, at-least: 50}]
"""


def program_plan():
    return expand(parse((HEAD + PROGRAM).encode()), ["replicate/*"], "quick", 1)


def test_programs_run_one_after_the_other_and_are_stored(monkeypatch):
    said = [{"unit": "1/s", "table": {"rate": {"5 ms": 100.0}}, "told": {"a": 1}}] * 3
    answers = iter([(one, "") for one in said])
    monkeypatch.setattr(programs.Programs, "say", lambda _self, _name: next(answers))
    kept, watcher = Kept(), Watcher()
    programs.run_all(program_plan(), kept, "label", watcher)
    assert [name for name, _ in kept.lines] == ["tables.jsonl"] * 3
    assert [line["repeat"] for _, line in kept.lines] == [0, 1, 2]
    assert kept.lines[0][1]["told"] == {"a": "1"}
    assert watcher.said == [("note", "program gil-5ms, 3 times")]


def test_what_is_skipped_runs_once_and_what_is_lacking_not_at_all(monkeypatch):
    monkeypatch.setattr(programs.Programs, "say", lambda _self, _name: ({"skipped": "no"}, ""))
    kept = Kept()
    programs.run_all(program_plan(), kept, "label", Watcher())
    assert [line["skipped"] for _, line in kept.lines] == ["no"]
    kept = Kept({"claim replicate/five": "it takes 3 CPUs"})
    programs.run_all(program_plan(), kept, "label", Watcher())
    assert kept.lines == []


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "no table"),
        ({}, "no table"),
        ({"a": {}}, "no numbers"),
        ({"a": 3}, "no numbers"),
        ({"a": {"x": "3"}}, "no number"),
        ({"a": {"x": True}}, "no number"),
        ({"a": {"x": -1}}, "above zero"),
        ({"a": {"x": math.inf}}, "above zero"),
    ],
)
def test_a_table_is_read_strictly(said, why):
    table, found = programs.read(said)
    assert table == {}
    assert why in found


def test_a_program_that_does_not_exist_is_an_error_of_its_record():
    record = programs.Programs("test").record("x", "no-such-program", 0)
    assert "ended with 1" in record.error
    with pytest.raises(KeyError):
        replications.find("no-such-program")
    with pytest.raises(KeyError):
        replications.find("../tlpi")


def test_kerrisks_table_is_measured_small(monkeypatch):
    from lab.replications import tlpi_63  # noqa: PLC0415

    monkeypatch.setattr(tlpi_63, "SIZES", (10, 100, 1000))
    monkeypatch.setattr(tlpi_63, "WAITS", (50, 50, 20))
    monkeypatch.setattr(tlpi_63, "TRIES", 2)
    monkeypatch.setattr(tlpi_63, "_raise_limit", lambda: 5000)
    table = tlpi_63.measure()
    assert {row: list(found) for row, found in table.items()} == {
        row: ["10", "100", "1000"] for row in ("poll", "select", "epoll")
    }
    assert table["poll"]["1000"] > 5 * table["poll"]["10"]
    assert table["select"]["1000"] > 5 * table["select"]["10"]
    assert table["epoll"]["1000"] < table["poll"]["1000"] / 5
    monkeypatch.setattr(tlpi_63, "_raise_limit", lambda: 500)
    with pytest.raises(Absent, match="open files: 500"):
        tlpi_63.measure()


@pytest.mark.slow
def test_the_interpreters_lock_is_held_for_its_interval(tmp_path):
    record = programs.Programs("test").record("x", "gil-5ms", 0)
    assert record.error == ""
    alone = record.table["slower than alone"]
    assert alone["5 ms"] > 3
    assert alone["5 ms"] > alone["0.5 ms"]
    kept = create(tmp_path, "run")
    kept.append("tables.jsonl", record.model_dump_json())
    assert kept.tables() == [record]
