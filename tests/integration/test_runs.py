"""Whole runs for real, and what becomes of them when something is killed, taken or full.

Processes are found by the run's label and ended by id. Nothing is waited for by time alone: a file
grows, a process appears, a process ends.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.backends.leftovers import leftovers
from lab.cleaning import owner
from lab.config import load
from lab.plan import expand

pytestmark = pytest.mark.slow
TINY = Path(__file__).with_name("tiny.yaml")
PATIENCE_S = 60
CONNECTIONS = 22  # of tiny.yaml


def command(*words):
    return [sys.executable, "-m", "lab", *map(str, words)]


def run_lab(results, *words, profile="tiny", **changes):
    return subprocess.run(
        command("run", "--lab", TINY, "--profile", profile, "--results", results, *words),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **changes,
    )


def start_lab(results, profile="long"):
    return subprocess.Popen(
        command("run", "--lab", TINY, "--profile", profile, "--results", results),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(what, process=None):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        assert process is None or process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    raise AssertionError(f"{what} did not come true")


def records(results):
    path = results / "last" / "trials.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def of_lab(process):
    """The labelled processes of that run."""
    return [one for one in leftovers() if owner(one.run) == process.pid]


def named(process, words):
    for one in of_lab(process):
        line = Path(f"/proc/{one.pid}/cmdline")
        if line.exists() and words in line.read_bytes().replace(b"\0", b" ").decode():
            return one.pid
    return None


def under_load(process):
    """The server of a trial in which all connections stand."""
    pid = named(process, "-m servers")
    try:
        return pid if pid and len(list(Path(f"/proc/{pid}/fd").iterdir())) >= CONNECTIONS else None
    except OSError:
        return None


def gates_of(record):
    return [g["gate"] for g in record["gates"] if g["state"] == "void"]


def test_a_whole_run(tmp_path):
    done = run_lab(tmp_path, "--json", tmp_path / "r.json", "--junit", tmp_path / "r.xml")
    assert done.returncode == 0, done.stderr
    assert "pair-differs" in done.stdout
    assert "\x1b" not in done.stdout
    made = records(tmp_path)
    assert {r["cell"] for r in made} == {"pair/select", "pair/epoll"}
    for record in made:
        counted = sum(
            c["total"]["completed"] + sum(c["total"]["failed"].values())
            for e in record["engines"]
            for c in e["classes"].values()
        )
        assert counted == record["locust"]["requests"] > 0
    results = json.loads((tmp_path / "r.json").read_text())
    assert results["run"]["finished"]
    assert results["run"]["trials_planned"] == 6
    assert (tmp_path / "last" / "report.html").stat().st_size > 10_000
    assert "<testsuite" in (tmp_path / "r.xml").read_text()
    assert json.loads((tmp_path / "last" / "results.json").read_text()) == results


def test_the_report_is_rebuilt_from_records_alone(tmp_path):
    run_lab(tmp_path)
    last = tmp_path / "last"
    before = {name: (last / name).read_bytes() for name in ("results.json", "report.html")}
    for name in before:
        (last / name).unlink()
    done = subprocess.run(
        command("report", "last", "--results", tmp_path), capture_output=True, text=True, check=True
    )
    assert "pair-differs" in done.stdout
    assert {name: (last / name).read_bytes() for name in before} == before


@pytest.mark.parametrize(
    ("victim", "gate"),
    [
        ("-m servers", "server-died"),
        ("loadtests.engine", "load-engine"),
        ("--worker", "conservation"),
        ("--master", "conservation"),
    ],
)
def test_a_killed_process_voids_its_trial_and_the_run_goes_on(tmp_path, victim, gate):
    lab = start_lab(tmp_path)
    wait_for(lambda: len(records(tmp_path)) >= 2 and under_load(lab), lab)
    os.kill(named(lab, victim), signal.SIGKILL)
    before = len(records(tmp_path))
    wait_for(lambda: len(records(tmp_path)) >= before + 3, lab)
    lab.send_signal(signal.SIGINT)
    lab.communicate(timeout=PATIENCE_S)
    made = records(tmp_path)
    hit = [r for r in made if gate in gates_of(r)]
    assert len(hit) == 1
    after = made[made.index(hit[0]) + 1]
    assert (after["trial"] == hit[0]["trial"]) is (
        hit[0]["attempt"] < 2
    )  # repeated, inside its block
    assert after["engines"]
    assert after["error"] == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interruption_reports_what_was_finished_and_leaves_nothing(tmp_path, number, code):
    lab = start_lab(tmp_path)
    wait_for(lambda: len(records(tmp_path)) >= 2, lab)
    lab.send_signal(number)
    began = time.monotonic()
    out, err = lab.communicate(timeout=PATIENCE_S)
    assert lab.returncode == code, err
    assert time.monotonic() - began < 5  # the promise of the README, not a measure of speed
    assert of_lab(lab) == []
    assert "pair-differs" in out
    assert "of 12 blocks" in out
    results = json.loads((tmp_path / "last" / "results.json").read_text())
    assert not results["run"]["finished"]
    assert results["run"]["attempts"] >= 2


def test_a_killed_lab_is_cleaned_up_by_label_and_its_trials_are_kept(tmp_path):
    lab = start_lab(tmp_path)
    wait_for(lambda: len(records(tmp_path)) >= 2 and under_load(lab), lab)
    lab.kill()
    lab.communicate()
    done = subprocess.run(command("clean"), capture_output=True, text=True, check=True)
    assert of_lab(lab) == []
    assert "ended" in done.stdout or "nothing was left behind" in done.stdout
    report = subprocess.run(
        command("report", "last", "--results", tmp_path), capture_output=True, text=True, check=True
    )
    assert "of 12 blocks" in report.stdout


def test_clean_leaves_a_living_run_alone(tmp_path):
    lab = start_lab(tmp_path)
    wait_for(lambda: len(records(tmp_path)) >= 1, lab)
    subprocess.run(command("clean"), capture_output=True, text=True, check=True)
    seen = len(records(tmp_path))
    wait_for(lambda: len(records(tmp_path)) >= seen + 2, lab)
    lab.send_signal(signal.SIGINT)
    lab.communicate(timeout=PATIENCE_S)
    assert not any(gates_of(r)[:1] == ["server-died"] for r in records(tmp_path))


def test_a_taken_web_port_is_one_clear_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_lab(tmp_path, "--web-port", port)
    assert done.returncode == 5
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("lab: ")]
    assert str(port) in line
    assert "Traceback" not in done.stderr


def test_a_taken_server_port_is_stepped_over(tmp_path):
    first = expand(load(TINY), (), "tiny", 1).trials[0]
    with socket.create_server(("127.0.0.1", first.port)):
        done = run_lab(tmp_path)
    assert done.returncode == 0
    assert next(r["port"] for r in records(tmp_path) if r["trial"] == first.id) == first.port + 1


def test_results_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    done = run_lab(tmp_path / "file")
    assert done.returncode == 5
    (line,) = done.stderr.splitlines()
    assert "--results" in line


def test_a_full_disk_is_one_clear_line_and_loses_nothing(tmp_path):
    """A limit on the size of files stands for the disk: the third record or so does not fit."""
    limit = 120_000

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = run_lab(tmp_path, profile="long", preexec_fn=small_files)
    assert done.returncode == 5
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("lab: ")]
    assert "trials.jsonl" in line
    assert "Traceback" not in done.stderr
    made = records(tmp_path)
    assert made
    assert all(record["trial"] for record in made)
    assert (tmp_path / "last" / "trials.jsonl").stat().st_size <= limit
