"""The runner of probes: fresh processes, a deadline, nothing left behind, a record in any case."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab import probing
from lab.claims import LimitClaim
from lab.judging import judge
from lab.model import Plan, ProbeRun
from lab.probes import Ruling, find
from lab.store import ProbeRecord
from lab.verdicts import Outcome

PYTHON = sys.executable  # the fixture of that name changes it
UNLABELLED = ""  # what carries a label and no living lab, another lab on this machine ends
LEADER = """
import os, signal
child = os.fork()
if child:
    print(child, file=open({path!r}, "w"), flush=True)
    {end}
signal.pause()
"""


class Kept:
    """A run's store that remembers."""

    def __init__(self):
        self.records = []

    def facts(self):
        return SimpleNamespace(absent={})

    def append(self, name, line):
        assert name == "probes.jsonl"
        self.records.append(ProbeRecord.model_validate_json(line))


class Notes:
    def __init__(self):
        self.said = []

    def note(self, text):
        self.said.append(text)


def plan_of(*names, repeats=3):
    probes = [ProbeRun(claim=name, probe=name, repeats=repeats) for name in names]
    empty = {"lab_sha256": "", "claims": list(names), "looks": [1], "cells": [], "trials": []}
    return Plan(profile="smoke", seed=1, order="hashed", probes=probes, **empty)


@pytest.fixture
def python(tmp_path, monkeypatch):
    """Make "python -m lab.probes NAME" run a shell script instead."""

    def use(script):
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(probing.sys, "executable", str(path))

    return use


def gone(process):
    """Has a process that is not ours ended? A zombie has, whoever is to reap it."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def wait_until(true):
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_probe_runs_in_a_process_of_its_own():
    record = probing.run_one("claim", "asyncio-lazy", 2, UNLABELLED)
    assert (record.claim, record.probe, record.repeat) == ("claim", "asyncio-lazy", 2)
    assert (record.outcome, record.control, record.error) == (True, True, "")
    assert record.evidence["returned"] == "coroutine"


def test_records_stand_in_the_order_of_the_plan():
    kept, notes = Kept(), Notes()
    probing.run_all(plan_of("two-buffers", "asyncio-lazy", "send-passes"), kept, UNLABELLED, notes)
    order = [(record.claim, record.repeat) for record in kept.records]
    names = ("two-buffers", "asyncio-lazy", "send-passes")
    assert order == [(name, repeat) for name in names for repeat in range(3)]
    assert notes.said == [f"probe {name}, 3 times" for name in names]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("exit 1", "ended with 1: no last words"),
        ("echo oh dear >&2; exit 3", "ended with 3: oh dear"),
        ("kill -9 $$", "ended with -9: no last words"),
        ("echo no JSON", "it printed no evidence: no last words"),
        ("echo 7", "it printed no evidence: no last words"),
    ],
)
def test_a_probe_that_breaks_is_a_record_too(python, script, error):
    python(script)
    record = probing.run_one("claim", "asyncio-lazy", 0, UNLABELLED)
    assert (record.outcome, record.control, record.evidence) == (None, False, {})
    assert record.error == error


def test_a_probe_that_never_ends_is_ended_with_all_that_it_started(python, tmp_path, monkeypatch):
    path = tmp_path / "child"
    code = LEADER.format(path=str(path), end="pass")
    python(f"exec {sys.executable} -c '{code}'".replace(repr(str(path)), f'"{path}"'))
    monkeypatch.setattr(probing.Probes, "deadline_s", 1.0)
    record = probing.run_one("claim", "asyncio-lazy", 0, UNLABELLED)
    assert record.error == "no answer within 1 s"
    wait_until(lambda: gone(int(path.read_text())))


def test_what_a_probe_leaves_behind_is_ended(python, tmp_path):
    path = tmp_path / "child"
    code = LEADER.format(path=str(path), end="os._exit(0)")
    python(f"exec {sys.executable} -c '{code}'".replace(repr(str(path)), f'"{path}"'))
    assert probing.run_one("claim", "asyncio-lazy", 0, UNLABELLED).error.startswith("it printed no")
    wait_until(lambda: gone(int(path.read_text())))


def test_an_interrupted_run_ends_its_probes(python, tmp_path):
    python(f"echo $$ > {tmp_path}/pid; mv {tmp_path}/pid {tmp_path}/running; exec sleep 60")
    code = (
        "import sys; from lab import probing; from tests.lab.test_probes import *;"
        f"probing.sys.executable = {str(tmp_path / 'python')!r};"
        "probing.run_all(plan_of('asyncio-lazy', repeats=1), Kept(), '', Notes())"
    )
    run = subprocess.Popen([PYTHON, "-c", code], stderr=subprocess.DEVNULL)
    wait_until((tmp_path / "running").exists)
    run.send_signal(signal.SIGINT)
    assert run.wait(10) == -signal.SIGINT
    wait_until(lambda: gone(int((tmp_path / "running").read_text())))


def test_what_is_missing_here_makes_a_claim_skipped(python):
    python("""echo '{"skipped": "no io_uring"}'""")
    record = probing.run_one("claim", "aio-never-waits", 0, UNLABELLED)
    assert (record.outcome, record.control, record.error) == (None, False, "")
    assert record.evidence == {"skipped": "no io_uring"}


def test_a_probe_says_by_itself_what_is_missing():
    command = [sys.executable, "-m", "lab.probes", "coroutine-invisible"]
    env = {**os.environ, "PATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    assert json.loads(done.stdout) == {"skipped": "strace is not installed"}


def test_evidence_of_another_probe_tells_nothing(python):
    python("""echo '{"returned": "coroutine"}'""")
    record = probing.run_one("claim", "asyncio-lazy", 0, UNLABELLED)
    assert Ruling(record.outcome, record.control) == Ruling(None, control=False)


@pytest.mark.parametrize(
    ("records", "outcome"),
    [
        ([(True, True)] * 3, Outcome.SUPPORTED),
        ([(False, True)] * 3, Outcome.REFUTED),
        ([(True, True)] * 2 + [(False, True)], Outcome.INCONCLUSIVE),
        ([(True, True)] * 2 + [(True, False)], Outcome.INCONCLUSIVE),
        ([(True, True)] * 2 + [(None, False)], Outcome.INCONCLUSIVE),
        ([(True, True)] * 2 + ["skipped"], Outcome.SKIPPED),
        ([(True, True)] * 2 + ["broken"], Outcome.VOID),
    ],
)
def test_only_three_equal_rulings_decide(records, outcome):
    assert judge_records(records).outcome is outcome


@pytest.mark.parametrize(
    ("parts", "conditional"),
    [(["holds for a, not for b"] * 3, True), (["holds for a, not for b", "", ""], False)],
)
def test_a_sentence_that_fails_in_one_case_only_is_conditional(parts, conditional):
    decision = judge_records([(False, True)] * 3, parts)
    assert decision.outcome is Outcome.REFUTED
    assert decision.conditional is conditional
    assert (decision.reason == "Conditional: holds for a, not for b.") is conditional


def test_a_skipped_claim_says_what_it_takes():
    assert judge_records(["skipped"] * 3).reason == "It cannot run here: no strace."


def judge_records(rulings, parts=("", "", "")):
    told = []
    for repeat, ruling in enumerate(rulings):
        holds, control = ruling if isinstance(ruling, tuple) else (None, False)
        told.append(
            ProbeRecord(
                claim="send-passes",
                probe="send-passes",
                repeat=repeat,
                outcome=holds,
                control=control,
                evidence={"skipped": "no strace"} if ruling == "skipped" else {},
                error="ended with 1" if ruling == "broken" else "",
                parts=parts[repeat],
            )
        )
    return judge(declared(), plan_of("send-passes"), None, told, "send-passes").decision


def declared():
    """A lab of which judging asks for one claim only."""

    class Lab:
        claims = probe_claims()

    return Lab


def probe_claims():
    claim = {"id": "send-passes", "kind": "probe", "sentence": "It passes.", "probe": "send-passes"}
    return {"send-passes": LimitClaim.model_validate({**claim, "profiles": ["smoke"]})}


@pytest.mark.parametrize("name", ["no-such", "../evil", "__main__", "_kit", ""])
def test_unknown_probes(name):
    with pytest.raises(KeyError):
        find(name)
