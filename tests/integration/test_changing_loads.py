"""Loads that change, through the whole lab: Locust, engines, records, report."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab import record
from lab.report.model import Results

pytestmark = pytest.mark.slow
LAB = Path(__file__).with_name("changing.yaml")
STEPS = 5  # of 100 ms, in half a second of load


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The directory of one run."""
    results = tmp_path_factory.mktemp("changing")
    words = ["run", "--lab", LAB, "--profile", "tiny", "--results", results]
    done = subprocess.run(
        [sys.executable, "-m", "lab", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "bug of the lab" not in done.stderr, done.stderr
    return results / "last"


@pytest.fixture(scope="module")
def records(run):
    return [record.read(line) for line in (run / "trials.jsonl").read_text("utf-8").splitlines()]


def classes(records):
    for one in records:
        assert not one.error, one.error
        for engine in one.engines:
            yield from ((one, name, found) for name, found in engine.classes.items())


def test_every_request_has_one_fate_and_its_place_in_time(records):
    for _, name, found in classes(records):
        total = found.total
        assert total.scheduled == total.completed + sum(total.failed.values())
        if name == "idle":
            assert found.series is None
            continue
        assert sum(found.series.completed) == total.completed > 0
        assert sum(found.series.failed) == sum(total.failed.values())
        if found.series.due:
            assert sum(found.series.due) == total.scheduled


def test_what_is_due_is_what_the_file_says(records):
    """Short: 20/s to 200/s in half a second, 55 in all. Long: 100/s but for 100 ms of 1000/s."""
    spikes = [(name, found) for one, name, found in classes(records) if one.experiment == "spike"]
    short = {found.total.scheduled for name, found in spikes if name == "short"}
    assert short == {55}
    due = {tuple(found.series.due[:STEPS]) for name, found in spikes if name == "long"}
    assert len(due) == 1  # the arms of a block share their arrivals
    [steps] = due
    assert steps[2] > 60 > 25 > max(steps[:2] + steps[3:])


def test_all_connections_of_a_crowd_are_held(records):
    for one, _, found in classes(records):
        if one.experiment == "crowd":
            census = found.connections
            assert census.established == census.held_at_start == census.held_at_end == 20


def test_no_gate_voids_a_load_for_changing(records):
    """Others may, on a busy machine; these two look at whether it stood still."""
    for one in records:
        found = {gate.gate: gate.state for gate in one.gates}
        assert found["littles-law"] != "void"
        assert found["conservation"] == found["census"] == "ok"


def test_the_report_draws_them(run):
    results = Results.model_validate_json((run / "results.json").read_bytes())
    shown = {(course.experiment, course.connection_class) for course in results.courses}
    assert shown == {("spike", "long"), ("spike", "short"), ("crowd", "long")}
    assert all(len(course.moments) == STEPS for course in results.courses)
    page = (run / "report.html").read_text("utf-8")
    assert "Loads that change" in page
    assert "course-3-mean" in page
