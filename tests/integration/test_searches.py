"""A search with real servers, a real Locust and a real load; and one that is interrupted."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TINY = ("--lab", HERE / "searches.yaml", "--profile", "tiny")
SMALL = ("--from", "500/s", "--to", "1500/s", "--tolerance", "100%", "--p99", "0.5 s")
SMALL += ("--connections", "20", "--budget", "24s")
pytestmark = pytest.mark.slow


def words(*more):
    return [sys.executable, "-m", "lab", *map(str, more)]


def records(results):
    found = list(results.glob("*/trials.jsonl"))
    return [json.loads(line) for line in found[0].read_bytes().splitlines()] if found else []


def test_a_search_is_run_stored_and_reported_and_its_report_can_be_rebuilt(tmp_path):
    out = tmp_path / "out.json"
    begun = time.monotonic()
    done = subprocess.run(
        words("run", "turn", *TINY, "--results", tmp_path / "results", "--json", out),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begun < 60  # 14 s, Locust, and a report
    (found,) = json.loads(out.read_text(encoding="utf-8"))["searches"]
    made = records(tmp_path / "results")
    assert made
    assert {record["experiment"] for record in made} == {"turn"}
    assert found["took_s"] <= 16
    (turn,) = found["turns"]
    assert turn["trials"] + turn["void"] > 0
    assert turn["words"] in done.stdout.replace("\n", " ")
    page = (tmp_path / "results" / "last" / "report.html").read_text(encoding="utf-8")
    assert 'id="page.searches"' in page
    again = tmp_path / "again.json"
    subprocess.run(
        words("report", "last", "--results", tmp_path / "results", "--json", again),
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert again.read_bytes() == out.read_bytes()


def test_ctrl_c_keeps_the_trials_of_a_search_and_says_what_they_say(tmp_path):
    results = tmp_path / "results"
    running = subprocess.Popen(
        words("run", "bear", *TINY, "--results", results),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 60
    while len(records(results)) < 2:
        assert running.poll() is None, running.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.05)  # a look at a file, not a wait for an effect
    running.send_signal(signal.SIGINT)
    out, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert len(records(results)) >= 2
    assert "bear: What can it bear?" in out
    assert "it was interrupted" in out.replace("\n", " ")


def test_the_command_line_alone_is_enough_for_a_search(tmp_path):
    done = subprocess.run(
        words("search", "capacity", "epoll", *TINY, *SMALL, "--results", tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "search: What rate does each bear, of long connections?" in done.stdout
    assert {record["cell"].split("/")[1] for record in records(tmp_path)} == {"epoll"}
