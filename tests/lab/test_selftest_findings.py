"""What self-tests make of records: right ones pass, and each broken engine or prediction fails.

The negative controls are here: a recorder that hides the stall, one whose clock is off, a server
that is not what the theory is about.
"""

import io
import json
import math
import time
from pathlib import Path

import pytest
from rich.console import Console

from lab.errors import EnvironmentUnfit, TrialFailed, UsageError
from lab.record import GateResult, WindowResult
from lab.selftest import TESTS, finding, gil, injected, little, md1, runner, stall, telling, theory
from lab.selftest import triangulation as three
from lab.selftest.rig import Rig
from loadtests.engine.histogram import Histogram
from tests.lab import records as r

NS = 1_000_000_000
WINDOW, STALL = 10.0, 2.0


def data(values):
    made = Histogram()
    made.add_all([round(value) for value in values])
    return r.HistogramData.model_validate(made.to_json())


def with_window(name="long", **histograms):
    """The healthy record, with other times in its window."""
    engine = r.engine()
    window = WindowResult(**{kind: data(values) for kind, values in histograms.items()})
    changed = engine.classes["long"].model_copy(update={"window": window})
    return r.record(engines=[engine.model_copy(update={"classes": {name: changed}})])


def stalled(scale=1.0):
    """4000 requests, evenly spread; those due in the stall wait for its rest."""
    step = WINDOW / 4000
    waits = [max(0.0, STALL - n * step) + 1e-4 for n in range(4000)]
    return [scale * wait * NS for wait in waits]


def verdicts(findings):
    return {one.what: one.ok for one in findings}


# ── findings ──


@pytest.mark.parametrize(
    ("one", "ok"),
    [
        (finding.within("x", 1.09, 1.0, 0.1), True),
        (finding.within("x", 1.11, 1.0, 0.1), False),
        (finding.within("x", 0.89, 1.0, 0.1), False),
        (finding.within("x", math.nan, 1.0, 0.1), False),
        (finding.at_most("x", 2, 2), True),
        (finding.at_most("x", 2.1, 2), False),
        (finding.at_most("x", math.nan, 2), False),
        (finding.at_least("x", 2, 2), True),
        (finding.at_least("x", 1.9, 2), False),
        (finding.shown("x", 100, 1), True),
    ],
)
def test_rules(one, ok):
    assert one.ok is ok


# ── stall ──


def test_a_recorder_that_counts_from_the_intended_start_follows_the_law():
    record = with_window(response=stalled(), service=[1e5] * 4000)
    assert all(verdicts(stall.judge(record, WINDOW, STALL)).values())


def test_a_recorder_that_counts_from_the_sending_fails_the_law():
    """Coordinated omission: four slow samples of four thousand."""
    hidden = [1e5] * 3996 + [STALL * NS] * 4
    found = verdicts(stall.judge(with_window(response=hidden, service=hidden), WINDOW, STALL))
    assert not found["p90 response"]
    assert not found["p99 response"]


@pytest.mark.parametrize("scale", [0.85, 1.15])
def test_a_clock_that_is_off_by_a_seventh_fails_the_law(scale):
    record = with_window(response=stalled(scale), service=[1e5] * 4000)
    assert not all(verdicts(stall.judge(record, WINDOW, STALL)).values())


def test_service_times_that_do_show_the_stall_were_not_uncorrected():
    record = with_window(response=stalled(), service=stalled())
    assert not verdicts(stall.judge(record, WINDOW, STALL))["p99 service hides the stall"]


@pytest.mark.parametrize(("q", "due"), [(0.9, 1.0), (0.95, 1.5), (0.99, 1.9), (0.5, 0.0)])
def test_the_law_of_the_stall(q, due):
    assert stall.law(q, STALL, WINDOW) == pytest.approx(due)


# ── theory ──


def planned():
    return theory.choose(md1.KIND, md1.PATH, 0.7, 0.004, 0.0, 5.0)


def queue_record(responses):
    return with_window("short", response=[NS * value for value in responses])


def test_a_recorder_that_tells_the_truth_about_a_queue_passes():
    plan = planned()
    found = theory.judge(queue_record(plan.responses), md1.KIND, 0.7, 0.004, 0.0, plan)
    assert all(one.ok for one in found)
    assert sum(one.rule == "within" for one in found) >= 6


@pytest.mark.parametrize("scale", [0.85, 1.15])
def test_a_recorder_that_is_off_by_a_seventh_fails(scale):
    plan = planned()
    wrong = queue_record([scale * value for value in plan.responses])
    assert not all(one.ok for one in theory.judge(wrong, md1.KIND, 0.7, 0.004, 0.0, plan))


def test_a_recorder_that_counts_from_the_sending_knows_no_queue():
    plan = planned()
    wrong = queue_record([0.004] * len(plan.responses))
    found = [one for one in theory.judge(wrong, md1.KIND, 0.7, 0.004, 0.0, plan) if not one.ok]
    assert len(found) >= 4


def test_a_server_that_serves_two_at_a_time_is_not_that_queue():
    plan = planned()
    wrong = queue_record([max(0.004, value / 2) for value in plan.responses])
    assert not all(one.ok for one in theory.judge(wrong, md1.KIND, 0.7, 0.004, 0.0, plan))


def test_a_queue_that_lost_requests_decides_nothing():
    plan = planned()
    record = queue_record(plan.responses)
    total = record.engines[0].classes["short"].total.model_copy(update={"failed": {"reset": 1}})
    broken = record.engines[0].classes["short"].model_copy(update={"total": total})
    lost = r.record(engines=[record.engines[0].model_copy(update={"classes": {"short": broken}})])
    with pytest.raises(TrialFailed, match="1 requests failed"):
        theory.judge(lost, md1.KIND, 0.7, 0.004, 0.0, plan)


# ── the clock of the GIL, Little's law, triangulation ──


@pytest.mark.parametrize(
    ("five", "one", "alone", "ok"),
    [
        (5.2, 1.1, 0.05, True),
        (10.4, 2.1, 0.05, True),  # two intervals each
        (5.2, 5.2, 0.05, False),  # it does not follow the interval
        (0.05, 0.05, 0.05, False),  # no GIL, or no burner
        (5.2, 1.1, 1.5, False),  # slow without a burner, too
    ],
)
def test_the_clock_of_the_gil(five, one, alone, ok):
    found = gil.judge({5.0: five, 1.0: one}, {5.0: alone, 1.0: alone})
    assert all(each.ok for each in found) is ok


def judged(**changes):
    asked = r.closed_cell().load
    gate = GateResult(gate=little.GATE, state="ok", value=0, limit=0, why="")
    record = with_window(response=[1e5] * 1000, service=[1e5] * 1000)
    engine = record.engines[0].model_copy(
        update={"in_flight": changes.get("in_flight", [0] * 80 + [1] * 20)}
    )
    gates = changes.get("gates", [gate])
    return little.judge(
        "closed", record.model_copy(update={"engines": [engine], "gates": gates}), asked
    )


def test_littles_law_holds_for_the_healthy_record():
    assert all(one.ok for one in judged())


def test_littles_law_sees_requests_under_way_that_were_never_recorded():
    assert not all(one.ok for one in judged(in_flight=[1] * 50 + [0] * 50))


def test_littles_law_wants_the_gate_to_have_looked():
    assert not all(one.ok for one in judged(gates=[]))


def seen(cpu, sleeps=1.0):
    return three.Seen(cpu, sleeps, 1000.0)


def test_generators_that_agree():
    (found,) = three.judge("a over b", [seen(10.5)], [seen(10)], 0.1)
    assert found.ok
    assert found.rule == "within"


def test_generators_that_differ_without_a_reason_fail():
    (found,) = three.judge("a over b", [seen(13)], [seen(10)], 0.1)
    assert not found.ok


def test_a_difference_that_the_wakes_explain_is_reported_and_decides_nothing():
    (found,) = three.judge("a over b", [seen(13, 1.0)], [seen(10, 0.2)], 0.1)
    assert found.rule == "shown"
    assert "explained by the wakes" in found.text


def test_the_band_is_what_the_engine_differs_from_itself_by_and_no_less_than_a_tenth():
    assert three.band([seen(10), seen(10.1)], [seen(5)]) == pytest.approx(0.1)
    assert three.band([seen(10), seen(12)], [seen(5)]) == pytest.approx(0.2)


# ── the runner ──


def run_one(monkeypatch, tmp_path, measure):
    module = type("Module", (), {"measure": staticmethod(measure)})
    monkeypatch.setattr(runner.importlib, "import_module", lambda _: module)
    return runner.one("stall", Rig(tmp_path))


def raising(error):
    def measure(_rig):
        raise error

    return measure


@pytest.mark.parametrize(
    ("measure", "state", "why"),
    [
        (lambda _: [finding.within("x", 1, 1, 0.1)], "passed", ""),
        (lambda _: [finding.within("x", 1, 1, 0.1), finding.at_most("y", 2, 1)], "failed", ""),
        (lambda _: [], "failed", ""),
        (raising(TrialFailed("load-engine", "it died")), "failed", "load-engine: it died"),
        (raising(RuntimeError("a bug")), "failed", "RuntimeError: a bug"),
        (raising(EnvironmentUnfit("one CPU only")), "skipped", "one CPU only"),
    ],
)
def test_how_a_test_ends(monkeypatch, tmp_path, measure, state, why):
    outcome = run_one(monkeypatch, tmp_path, measure)
    assert (outcome.state, outcome.why) == (state, why)


def test_a_failure_names_what_disturbed_it(monkeypatch, tmp_path):
    def measure(rig):
        rig.noise.append("other programs used 1.92 CPUs")
        return [finding.at_most("y", 2, 1)]

    outcome = run_one(monkeypatch, tmp_path, measure)
    assert outcome.state == "failed"
    assert "other programs used 1.92 CPUs. Close other programs." in outcome.why


def test_names_are_chosen_and_wrong_ones_mended():
    assert runner.choose(["gil", "stall", "gil"]) == ["gil", "stall"]
    assert runner.choose([]) == list(TESTS)
    with pytest.raises(UsageError, match="Did you mean stall"):
        runner.choose(["stahl"])


def test_every_entry_of_the_registry_is_a_module_that_measures():
    for test in TESTS.values():
        assert callable(runner.importlib.import_module(test.module).measure)


def test_the_json_has_every_figure_with_its_prediction_and_tolerance(tmp_path):
    outcome = finding.Outcome("gil", "passed", 1.5, [finding.within("x", 1.05, 1.0, 0.1, "ms")])
    document = json.loads(runner.as_json([outcome], Rig(tmp_path, quick=True)))
    assert document["passed"]
    assert document["quick"]
    assert document["tests"][0]["findings"] == [
        {
            "what": "x",
            "rule": "within",
            "measured": 1.05,
            "predicted": 1.0,
            "tolerance": 0.1,
            "unit": "ms",
            "text": "",
            "ok": True,
        }
    ]


def test_the_table_says_what_was_predicted_measured_allowed_and_how_it_came_out():
    console = Console(width=100, record=True, file=io.StringIO())
    found = [finding.within("mean", 5.6, 5.0, 0.1, "ms"), finding.shown("beside", 1, text="why so")]
    telling.show(finding.Outcome("md1", "failed", 1.5, found, "a reason"), console)
    text = console.export_text()
    for word in (
        "failed  md1",
        "a reason",
        "NO",
        "5.000 ms",
        "5.600 ms",
        "±10%, off +12.0%",
        "why so",
    ):
        assert word in text


def test_the_page_has_a_row_for_every_test():
    rows = (Path(__file__).parents[2] / "docs" / "selftest.md").read_text().splitlines()
    listed = {row.split("`")[1] for row in rows if row.startswith("| `")}
    assert listed == set(TESTS)


@pytest.mark.parametrize(
    ("scale", "lost", "ok"), [(1.0, 0.0, True), (0.85, 0.0, False), (1.0, 6.0, False)]
)
def test_an_effect_that_was_put_in(scale, lost, ok):
    """A meter that is off by a seventh, or that loses some microseconds of the longer ones."""
    rounds = [{0: base, 20: base + 20 * scale, 50: base + 50 * scale - lost} for base in (17, 30)]
    assert all(one.ok for one in injected.judge(rounds)) is ok


class Disturbed(Rig):
    """A rig in whose first trials other programs are at work."""

    def disturb(self, times):
        self.left, self.attempts = times, 0
        return self

    def _attempt(self, *_):
        self.attempts += 1
        self.left -= 1
        return r.record(), ["other programs used 1.9 CPUs"] if self.left >= 0 else []


@pytest.mark.parametrize(
    ("times", "seconds_left", "attempts", "noted"),
    [(0, 10, 1, 0), (2, 10, 3, 0), (9, 10, 3, 1), (9, -1, 1, 1)],
)
def test_a_disturbed_trial_is_repeated_twice_and_while_there_is_time(
    tmp_path, times, seconds_left, attempts, noted
):
    rig = Disturbed(tmp_path).disturb(times)
    rig.repeat_until = time.monotonic() + seconds_left
    rig.trial("epoll", "echo", {}, 1.0)
    assert (rig.attempts, len(rig.noise)) == (attempts, noted)
