"""Probes: the judge is a pure function of evidence; the observer runs in a process of its own."""

import pytest

from lab import probing
from lab.probes import find, select_1024

EVIDENCE = {
    "select on 1023": "watched",
    "select on 1024": "refused",
    "select on 1500": "refused",
    "poll on 1500": "watched",
    "epoll on 1500": "watched",
    "select on 1500, larger set": "watched",
    "select server served": "1019",
    "select server hung up on": "81",
    "select server silent to": "0",
    "select server refused": "81",
    "select server afterwards": "serves on",
    "epoll server served": "1100",
    "epoll server hung up on": "0",
    "epoll server silent to": "0",
    "epoll server refused": "0",
    "epoll server afterwards": "serves on",
}


@pytest.mark.parametrize(
    ("changed", "due"),
    [
        ({}, (True, True)),
        ({"select on 1024": "watched"}, (False, True)),
        ({"select on 1023": "refused"}, (False, True)),
        ({"select on 1500": "missed"}, (False, True)),
        ({"select server refused": "80"}, (False, True)),  # one was hung up on and not counted
        ({"select server afterwards": "is gone"}, (False, True)),
        ({"select server served": "1100", "select server hung up on": "0"}, (False, True)),
        ({"poll on 1500": "refused"}, (True, False)),
        ({"epoll server served": "1019"}, (True, False)),
    ],
)
def test_the_judge_of_select_1024(changed, due):
    assert select_1024.judge({**EVIDENCE, **changed}) == due


def test_evidence_that_is_missing_says_nothing():
    assert select_1024.judge({})[0] is None


def test_a_probe_runs_in_a_process_of_its_own():
    record = probing.run_one("select-1024", "select-1024", 0, "test")
    assert record.error == ""
    assert set(record.evidence) == set(EVIDENCE)
    assert (record.outcome, record.control) == select_1024.judge(record.evidence)
    assert record.evidence["select on 1023"] == "watched"


def test_a_probe_that_breaks_is_a_record_too(monkeypatch):
    monkeypatch.setattr(probing.sys, "executable", "/bin/false")
    record = probing.run_one("select-1024", "select-1024", 0, "test")
    assert (record.outcome, record.control) == (None, False)
    assert record.error == "ended with 1: no last words"


@pytest.mark.parametrize("name", ["no-such", "../evil", "__main__", ""])
def test_unknown_probes(name):
    with pytest.raises(KeyError):
        find(name)
