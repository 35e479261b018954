"""Real servers under a real strace: what they call is what they are called.

Where strace may not trace, these tests fail: what they hold could not be seen otherwise.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.backends.contract import StartFailed, StartOptions
from lab.backends.leftovers import leftovers
from lab.mechanism import contradiction, figures
from lab.tracing import QUESTIONS, TracedBackend, obstacle, trace_family
from servers.catalog import SERVERS

pytestmark = pytest.mark.slow
TINY = Path(__file__).with_name("tiny.yaml")
NEGATIVE = Path(__file__).parents[1] / "negative"
BROKEN = StartOptions(env={"PYTHONPATH": str(NEGATIVE)})


def traced(server, options=None):
    found = trace_family(server, "echo", options)
    assert not isinstance(found, str), found
    return found


def test_this_machine_can_trace():
    assert obstacle() == ""


@pytest.mark.parametrize(
    ("server", "calls", "waits"),
    [
        ("blocking", {"recvfrom", "sendto"}, None),
        ("select", {"pselect6", "recvfrom", "sendto"}, 1.0),
        ("epoll", {"epoll_wait", "recvfrom", "sendto"}, 1.0),
    ],
)
def test_one_request_costs_the_calls_of_the_textbook(server, calls, waits):
    ledger = traced(server)
    assert contradiction(SERVERS[server], ledger) == ""
    per_request = figures(ledger)
    # On a busy machine the thread that waits for the end may begin only now: calls made once each.
    often = {name: n for name, n in ledger.counts.calls.items() if n >= QUESTIONS / 2}
    assert often.keys() == calls
    assert sum(often.values()) / QUESTIONS == pytest.approx(len(calls), abs=0.1)
    assert per_request["waits"] == pytest.approx(waits or 0, abs=0.1)
    assert per_request["EAGAIN"] == 0


def test_a_polling_server_is_told_not_now_far_more_often_than_it_is_spoken_to():
    ledger = traced("nonblocking")
    assert contradiction(SERVERS["nonblocking"], ledger) == ""
    assert figures(ledger)["EAGAIN"] > 10
    assert figures(ledger)["waits"] == 0


def test_select_hands_over_what_epoll_has_left_with_the_kernel():
    assert figures(traced("select"))["descriptors per wait"] > 4
    assert figures(traced("epoll"))["descriptors per wait"] == 0


def test_a_server_that_waits_in_another_call_than_its_name_says_is_caught():
    ledger = traced("broken.waits_in_select", BROKEN)
    why = contradiction(SERVERS["epoll"], ledger)
    assert why == "waits in pselect6, but is declared to wait in epoll_wait"
    assert contradiction(SERVERS["select"], ledger) == ""


def test_a_loop_that_never_waits_is_seen_by_its_empty_waits():
    ledger = traced("broken.polls_busily", BROKEN)
    assert figures(ledger)["empty waits"] > 20
    assert contradiction(SERVERS["epoll"], ledger).startswith("waits in vain")


def test_what_does_not_start_is_a_reason_and_no_ledger():
    assert "no server" in str(trace_family("no-such", "echo"))


def test_neither_server_nor_strace_outlives_a_trace(tmp_path):
    label = f"traced@{os.getpid()}"
    backend = TracedBackend(tmp_path / "trace")
    with backend.start("threads", "echo", StartOptions(label=label)) as target:
        assert len([one for one in leftovers() if one.run == label]) == 2
        target.stop(0)
        backend.finish()
        assert [one for one in leftovers() if one.run == label] == []
    assert "+++ killed by SIGKILL +++" in (tmp_path / "trace").read_text()


def test_a_strace_that_does_not_trace_is_no_target(tmp_path, monkeypatch):
    plain = tmp_path / "strace"
    plain.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
    plain.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(StartFailed, match="strace does not trace"):
        TracedBackend(tmp_path / "trace").start("epoll", "echo", StartOptions())


def test_a_whole_run_with_its_ledger(tmp_path):
    command = [sys.executable, "-m", "lab", "run", "--lab", TINY, "--profile", "tiny"]
    done = subprocess.run(
        [*command, "--mechanism", "--results", tmp_path],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no part of a verdict" in done.stdout
    lines = (tmp_path / "last" / "mechanism.jsonl").read_text().splitlines()
    ledgers = [json.loads(line) for line in lines]
    assert [one["error"] for one in ledgers] == [""] * 6
    assert {one["load"]["long"]["rate"] for one in ledgers} == {100.0}
    results = json.loads((tmp_path / "last" / "results.json").read_text())
    for cell in results["mechanism"]:
        assert cell["contradiction"] == ""
        assert cell["figures"]["calls"]["median"] == pytest.approx(3, abs=0.2)
    assert "Why it won" in (tmp_path / "last" / "report.html").read_text()
    assert len(results["verdicts"]) == 1
