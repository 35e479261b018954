"""`lab selftest` for real: one self-test passes here, and fails where the recorder is wrong."""

import json
import os
import signal
import subprocess
import sys

import pytest

from lab.backends.leftovers import leftovers
from lab.model import ClassLoad
from lab.selftest import runner, stall
from lab.selftest.rig import Rig

pytestmark = pytest.mark.slow
LAB = [sys.executable, "-m", "lab"]


def test_the_stall_is_seen_for_what_it_was(tmp_path):
    file = tmp_path / "selftest.json"
    words = ["selftest", "stall", "--quick", "--json", file, "--results", tmp_path / "results"]
    done = subprocess.run([*LAB, *words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("passed  stall")
    document = json.loads(file.read_text())
    (test,) = document["tests"]
    assert document["passed"]
    figures = {one["what"]: one for one in test["findings"]}
    assert figures["p99 response"]["predicted"] == pytest.approx(0.57, abs=0.02)
    assert figures["p99 response"]["tolerance"] == 0.10
    assert figures["p99 service, uncorrected"]["measured"] < 0.03


def test_a_closed_recorder_fails_the_same_test(tmp_path, monkeypatch):
    """The negative control: who waits for replies sees one slow sample per connection."""

    class Closed(Rig):
        def trial(self, server, protocol, load, window, **more):
            closed = {"long": ClassLoad(connections=stall.CONNECTIONS, think_s=0.002)}
            return super().trial(server, protocol, closed, window, **more)

    with Closed(tmp_path, quick=True) as rig:
        outcome = runner.one("stall", rig)
    wrong = {one.what for one in outcome.findings if not one.ok}
    assert outcome.state == "failed"
    assert {"p90 response", "p95 response", "p99 response"} <= wrong


def test_ctrl_c_ends_everything(tmp_path):
    command = [*LAB, "selftest", "stall", "--results", tmp_path]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stderr
        assert b"starting Locust" in process.stderr.readline()
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(30) == 130
    left = [one for one in leftovers() if one.run == f"selftest@{process.pid}"]
    assert left == []


def test_a_name_that_is_none_is_mended(tmp_path):
    done = subprocess.run([*LAB, "selftest", "stahl"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Did you mean stall?" in done.stderr
