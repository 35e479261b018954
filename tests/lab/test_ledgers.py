"""Traced trials: their load and their plan, their run on fakes, and what the report shows."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from lab import analysis, ledgers, store, tracing
from lab.config import load
from lab.data import Data
from lab.forecast import forecast
from lab.listing import plan_text
from lab.model import ClassLoad
from lab.plan import expand
from lab.report import html, terminal, words
from lab.report.model import Figure, Mechanism
from lab.traced import BUSY, IDLE, RATE, bounded
from tests.lab import fakes, sample_results
from tests.lab import records as r
from tests.lab.test_report_html import Page
from tests.lab.traces import EPOLL, SELECT, ledger, whole

# the load, the plan


def test_open_rates_are_cut_in_proportion_and_connections_bounded():
    cell = r.cell(
        load={
            "long": ClassLoad(connections=500, rate=3000),
            "short": ClassLoad(connections=20, rate=1000),
            "idle": ClassLoad(connections=4000),
        }
    )
    load = bounded(cell).load
    assert [load[name].connections for name in ("long", "short", "idle")] == [BUSY, 20, IDLE]
    assert (load["long"].rate, load["short"].rate) == (0.75 * RATE, 0.25 * RATE)


def test_small_and_closed_loads_are_traced_as_they_are():
    for asked in (
        {"long": ClassLoad(connections=64, think_s=0.001)},
        {"long": ClassLoad(connections=4, rate=50)},
    ):
        assert bounded(r.cell(load=asked)).load == asked


def asking(lab, experiment):
    found = lab.experiments[experiment].model_copy(update={"mechanism": True})
    return lab.model_copy(update={"experiments": {**lab.experiments, experiment: found}})


@pytest.fixture(scope="module")
def lab():
    return load(Path(__file__).parents[1] / "integration" / "tiny.yaml")


def test_no_plan_is_traced_unless_asked(lab):
    plan = expand(lab, (), "tiny", 1)
    assert plan.traced == []
    assert "traced" not in json.loads(plan.model_dump_json())
    assert "strace" not in plan_text(plan)


def test_each_cell_is_traced_three_times_behind_all_others_and_the_plan_says_so(lab):
    plan = expand(lab, (), "tiny", 1, mechanism=True)
    assert len(plan.traced) == 3 * len(plan.cells)
    assert {trial.cell for trial in plan.traced} == {cell.id for cell in plan.cells}
    assert plan.trials == expand(lab, (), "tiny", 1).trials
    assert not {trial.id for trial in plan.traced} & {trial.id for trial in plan.trials}
    text = plan_text(plan)
    assert "6 trials under strace, never timed" in text
    assert "2 long, open 100/s" in text
    more = forecast(plan).total_s - forecast(expand(lab, (), "tiny", 1)).total_s
    assert more == pytest.approx(forecast(plan).traced_s)
    assert more > 6 * bounded(plan.cells[0]).timing.window


def test_an_experiment_can_ask_for_it_and_its_hash_changes_only_then(lab):
    assert len(expand(asking(lab, "pair"), (), "tiny", 1).traced) == 6
    assert "mechanism" not in lab.model_dump_json()
    assert asking(lab, "pair").sha256 != lab.sha256


# the run, on fakes


@pytest.fixture
def world(monkeypatch, tmp_path):
    """A run whose strace is a file that stands ready, at the times of the fake clock."""
    world = fakes.World()

    class Traced:
        def __init__(self, trace, local=None):
            self.trace = trace
            self.ended = 0

        def start(self, server, protocol, options):
            return world.backend.start(server, protocol, options)

        def finish(self):
            self.ended += 1

        def counts(self, start_ns, end_ns, offset_ns):
            world.edges = (start_ns + offset_ns, end_ns + offset_ns)
            return whole(EPOLL)

    monkeypatch.setattr(tracing, "TracedBackend", Traced)
    monkeypatch.setattr(tracing, "obstacle", lambda: "")
    return world


CELL = r.cell()
PLAN = fakes.plan(
    [CELL], blocks=1, traced=[fakes.trial(CELL, b, id=f"traced.{b}") for b in range(3)]
)


def run_all(world, skipped=frozenset()):
    stored, watcher = [], fakes.Watcher()
    tracing.run_all(PLAN, fakes.PLACE, world.stage, skipped, stored.append, watcher)
    return stored, watcher.said


def test_traced_trials_go_through_the_same_life_cycle_at_the_bounded_load(world):
    stored, _ = run_all(world)
    assert [one.trial for one in stored] == ["traced.0", "traced.1", "traced.2"]
    assert [order.classes for order in world.load.orders] == [bounded(CELL).load] * 3
    assert {one.requests for one in stored} == {r.REQUESTS}
    assert {one.error for one in stored} == {""}
    assert world.edges[1] - world.edges[0] == r.WINDOW
    assert world.edges[0] > 1_700_000_000 * 10**9  # Unix time, as strace writes it


def test_a_trial_that_breaks_leaves_a_ledger_with_the_reason(world):
    world.load.fail_in["go"] = fakes.lost_engine()
    stored, said = run_all(world)
    assert [bool(one.error) for one in stored] == [True, False, False]
    assert ("note", "no ledger of traced.0: load engine died (signal 9)") in said


def test_too_few_requests_are_an_error(world):
    world.load.results["traced.1"] = {"marks": [(0, 0), (10**9, 1)]}
    stored, _ = run_all(world)
    assert "only" in stored[1].error
    assert stored[1].counts is None


def test_where_nothing_can_be_traced_each_ledger_says_why(world, monkeypatch):
    monkeypatch.setattr(tracing, "obstacle", lambda: "strace is not installed.")
    stored, said = run_all(world)
    assert {one.error for one in stored} == {"strace is not installed."}
    assert said == [("note", "no mechanism ledger: strace is not installed.")]
    assert world.said == []


def test_cells_whose_server_cannot_run_here_are_not_traced(world):
    assert run_all(world, {CELL.id}) == ([], [])


def test_a_cell_that_cannot_be_traced_has_the_reason_in_its_ledger(world):
    stored = []
    tracing.run_all(
        PLAN,
        fakes.PLACE,
        world.stage,
        set(),
        stored.append,
        fakes.Watcher(),
        reasons={CELL.id: "it is an image"},
    )
    assert {one.error for one in stored} == {"it is an image"}
    assert world.said.count(f"start {CELL.server}") == 0


def test_a_missing_strace_is_named(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert tracing.obstacle().startswith("strace is not installed")
    assert tracing.trace_family("epoll", "echo") == tracing.obstacle()


def test_a_refused_strace_is_named_with_its_own_words(monkeypatch, tmp_path):
    refused = tmp_path / "strace"
    words_ = "strace: attach: ptrace(PTRACE_ATTACH, 7): Operation not permitted"
    refused.write_text(f"#!/bin/sh\necho '{words_}' >&2\nexit 1\n")
    refused.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert "Operation not permitted" in tracing.obstacle()


# the report


def taken(calls=EPOLL, cell=CELL.id, **changes):
    return ledger(calls, trial="t", cell=cell, load=bounded(CELL).load, **changes)


def summary(ledgers_, records=()):
    (found,) = ledgers.summaries(PLAN, Data(PLAN, records), ledgers_)
    return found


def test_the_medians_of_the_runs_are_shown_with_their_range():
    found = summary([taken(requests=n) for n in (2.0, 2.02, 2.5)])
    assert found.runs == 3
    assert found.figures["calls"] == Figure(median=7 / 2.02, low=2.8, high=3.5)
    assert found.calls["recvfrom"] == 2 / 2.02
    assert found.agree is False
    assert found.load == "4 long, open 100/s constant, 64 B; 20 idle"


def test_runs_within_two_per_cent_agree():
    assert summary([taken(requests=n) for n in (2.0, 2.01, 2.03)]).agree is True
    assert summary([taken()]).agree is None


def test_context_switches_come_from_the_timed_trials():
    def at(voluntary, involuntary):
        return r.footprint(32, voluntary=voluntary, involuntary=involuntary)

    meter = r.record().meter.model_copy(update={"ready": at(100, 7), "after": at(2300, 117)})
    found = summary([], [r.record(meter=meter)])
    assert (found.voluntary, found.involuntary) == (2.0, 0.1)
    assert "2.00 + 0.10" in page_of(summary([taken()], [r.record(meter=meter)]))


def test_tasks_that_ended_leave_no_number_of_switches():
    meter = r.record().meter.model_copy(update={"after": r.footprint(32, voluntary=0)})
    assert summary([], [r.record(meter=meter)]).voluntary is None


def test_a_contradiction_reaches_the_report():
    found = summary([taken(), taken(SELECT)])
    assert "declared to wait in epoll_wait" in found.contradiction
    page = page_of(found)
    assert "is not what it is called" in page
    assert "declared to wait in epoll_wait" in page


def test_a_run_that_ended_too_early_says_so():
    assert summary([]).why_not == "the run ended before it was traced"
    assert "the run ended before it was traced" in page_of(summary([]))


def page_of(*found, **changes):
    cells = [one.model_copy(update={"experiment": "idle"}) for one in found]
    results = sample_results.full().model_copy(update={"mechanism": cells, **changes})
    return html.render(results, bundle=False)


def said_of(*found):
    results = sample_results.full().model_copy(update={"mechanism": list(found)})
    console = Console(width=100, file=io.StringIO())
    terminal.ledger_table(results, console)
    return console.file.getvalue()


def test_the_page_shows_the_ledger_beside_its_experiment_and_calls_it_no_verdict():
    page = page_of(summary([taken()] * 3))
    assert "explanation, not part of a verdict" in page
    assert "Traced at: 4 long, open 100/s constant, 64 B; 20 idle" in page
    assert "<code>epoll_ctl</code>" in page
    assert "3, agree" in page


def test_tags_of_the_ledger_balance_and_text_stays_text():
    hostile = {"why_not": sample_results.HOSTILE, "arm": sample_results.HOSTILE}
    page = page_of(summary([taken(SELECT)]).model_copy(update=hostile))
    assert Page(page).open == []
    assert sample_results.HOSTILE not in page
    assert "".join(Page(page).text).count(sample_results.HOSTILE) > 2


def test_a_page_without_ledgers_has_no_word_of_traces():
    bare = sample_results.full().model_copy(update={"mechanism": []})
    assert "traced, not timed" not in page_of()
    assert "traced, not timed" in html.render(sample_results.full(), bundle=False)
    assert "mechanism" not in json.loads(bare.model_dump_json())


def test_the_terminal_says_it_in_a_line_per_arm():
    text = said_of(summary([taken()] * 3))
    assert "no part of a verdict" in text
    (row,) = [line for line in text.splitlines() if line.startswith("epoll idle 20")]
    assert row.split()[3:] == ["3.50", "1.00", "1.00", "0.50", "0.50"]


def test_the_terminal_says_why_there_is_none_and_nothing_where_none_was_asked_for():
    assert "not traced: no strace" in said_of(summary([taken(counts=None, error="no strace")]))
    assert said_of() == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (0.004, "0"),
        (0.005, "0.01"),
        (3.0, "3.00"),
        (320.7, "321"),
        (12075.0, "12,075"),
    ],
)
def test_numbers_of_the_ledger_have_sensible_digits(value, text):
    assert words.count(value) == text


def test_a_range_is_shown_only_where_it_shows():
    assert words.figure(Figure(median=3.0, low=3.001, high=3.002)) == "3.00"
    assert words.figure(Figure(median=7.4, low=7.1, high=7.9)) == "7.40 (7.10–7.90)"


def test_analysis_takes_the_ledgers_of_a_run(lab):
    plan = expand(asking(lab, "pair"), (), "tiny", 1)
    facts = store.RunFacts(
        id="x",
        profile="tiny",
        seed=1,
        order="hashed",
        backend="process",
        command=[],
        started_unix=0.0,
        ended_unix=None,
        how="running",
        host="",
        machine={},
        version="",
    )
    results = analysis.analyse(lab, plan, facts, [], [], traced=[taken(cell="pair/epoll")])
    assert [(one.cell, one.runs) for one in results.mechanism] == [
        ("pair/select", 0),
        ("pair/epoll", 1),
    ]
    assert isinstance(results.mechanism[0], Mechanism)
