"""`lab verify` and `lab run --verify` on fakes: what is asked, what is said, what is void."""

import io
import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from lab.backends.contract import StartOptions, WrongAnswer
from lab.conformance import CHECKS
from lab.conformance.examine import Holdings, Outcome, examine, rows_left_out, settle
from lab.conformance.http import freely
from lab.errors import EnvironmentUnfit, UsageError
from lab.gates import voids
from lab.ground import Ground
from lab.http_cases import HttpCase
from lab.http_differences import DIFFERENCES
from lab.report.conformance import Progress, as_json, as_junit, table
from lab.verify import Examination, VerifiedBackend, failures, pairs, require
from servers.catalog import PROTOCOLS, SERVERS, Server
from tests.lab import fakes
from tests.lab import records as r
from tests.lab.test_engine import walk

GOOD = Examination("epoll", "echo", [Outcome("idle", 1), Outcome("sizes", 7)], seconds=1.5)
BAD = Examination(
    "select",
    "http",
    [
        Outcome("http-table", 9, {"two hosts": "(200,) where (400,) was due"}),
        Outcome("many", 1, {"many": "no answer in 10 s"}),
        Outcome("slow-neighbour", left_out="it serves 1 at once"),
        Outcome("offload", fact="the others wait"),
    ],
)
ABSENT = Examination("io-uring", "echo", skipped="io_uring_setup() says: no")
ALL = [GOOD, BAD, ABSENT]


def test_every_server_is_asked_in_each_protocol_it_speaks_and_in_no_other():
    found = pairs()
    assert len(found) == len(set(found))
    assert ("epoll", "websocket") in found
    assert ("django", "http") in found
    assert ("django", "echo") not in found
    assert pairs(["epoll"], ["echo"]) == [("epoll", "echo")]
    assert pairs(["my.own"]) == [("my.own", protocol) for protocol in PROTOCOLS]


@pytest.mark.parametrize(
    ("servers", "protocols", "words"),
    [
        (["nope"], [], 'no server "nope"; write some of: blocking'),
        ([], ["nope"], 'no protocol "nope"; write some of: echo'),
        (["django"], ["echo"], "django does not speak echo"),
    ],
)
def test_what_cannot_be_asked_is_said(servers, protocols, words):
    with pytest.raises(UsageError, match=words):
        pairs(servers, protocols)


def test_a_need_that_is_missing_is_said_of_a_server_that_was_named():
    lacking = Ground(lacks=lambda need: need and f"no {need}")
    require(["epoll", "threads"], lacking)
    with pytest.raises(EnvironmentUnfit, match="uvloop cannot run here: no uvloop"):
        require(["epoll", "uvloop"], lacking)


def test_a_case_is_counted_once_and_named_after_its_check():
    assert (GOOD.passed, GOOD.failed) == (8, {})
    assert BAD.passed == 8
    assert list(BAD.failed) == ["http-table: two hosts", "many"]
    assert BAD.left_out == {"slow-neighbour": "it serves 1 at once"}
    assert BAD.facts == {"offload": "the others wait"}


def test_the_table_says_what_failed_and_what_was_left_out():
    text = table(ALL)
    assert "FAILED select http: http-table: two hosts: (200,) where (400,) was due" in text
    assert "by design, no slow-neighbour: select: it serves 1 at once" in text
    assert "offload: the others wait: select" in text
    assert "skipped: io_uring_setup() says: no" in text
    assert text.splitlines()[-1].startswith("2 servers in their protocols, 1 skipped: 16 cases")


def test_json_holds_every_check():
    found = json.loads(as_json(ALL))["examinations"]
    assert [one["server"] for one in found] == ["epoll", "select", "io-uring"]
    assert found[1]["failed"]["many"] == "no answer in 10 s"
    assert found[0]["checks"]["sizes"]["cases"] == 7


def test_junit_counts_failures_and_what_was_skipped():
    suites = ET.fromstring(as_junit(ALL)).findall("testsuite")
    assert [suite.get("failures") for suite in suites] == ["0", "2", "0"]
    assert [suite.get("skipped") for suite in suites] == ["0", "1", "1"]
    assert [len(suite.findall("testcase")) for suite in suites] == [2, 4, 1]


def test_progress_is_a_line_for_each_examination():
    out = io.StringIO()
    progress = Progress(out)
    progress.checked("select", "http", BAD.outcomes[0])
    progress.examined(BAD, 1, 2)
    progress.end()
    assert out.getvalue() == (
        "1/2 select http: 8 passed, 2 failed: http-table: two hosts, many, 1 left out, 0.0 s\n"
    )


def test_a_server_that_failed_is_not_measured_and_its_cells_are_void():
    cells = [
        r.cell(id=f"ladder/{name}/idle=20", arm=name, server=name) for name in ("epoll", "select")
    ]
    world = fakes.World()
    inside = world.stage.backend
    refusing = VerifiedBackend(inside, {("select", cells[1].protocol): "many: no answer in 10 s"})
    world.stage = replace(world.stage, backend=refusing)
    walked, stored, _, _ = walk(fakes.plan(cells, blocks=1), world=world)
    walked.run()
    assert {record.cell: voids(record.gates) for record in stored} == {
        cells[0].id: [],
        cells[1].id: ["conformance"],
    }
    assert world.said.count("start select") == 0
    assert stored[-1].error == "many: no answer in 10 s"


def test_only_what_failed_is_refused():
    assert failures(ALL) == {
        ("select", "http"): "http-table: two hosts: (200,) where (400,) was due; "
        "many: no answer in 10 s"
    }


class Meter:
    def __init__(self, *counts):
        self.counts = list(counts)

    def footprint(self):
        fds, threads, _ = self.counts[0]
        return r.footprint(0).model_copy(update={"fds": fds, "threads": threads})

    def read(self):
        processes = self.counts[0][2]
        if len(self.counts) > 1:
            self.counts.pop(0)
        return type("Reading", (), {"processes": processes})


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ((9, 1, 1), "9 descriptors instead of 8"),
        ((8, 34, 1), "34 threads instead of 1"),
        ((8, 1, 2), "2 processes instead of 1"),
    ],
)
def test_what_stays_behind_is_found(after, words, monkeypatch):
    monkeypatch.setattr("lab.conformance.examine.SETTLE", 0.0)
    target = type("Target", (), {"meter": Meter(after)})
    with pytest.raises(WrongAnswer, match=words):
        settle(target, Holdings(8, 1, 1))


def test_what_goes_in_time_has_gone():
    target = type("Target", (), {"meter": Meter((9, 1, 1), (9, 1, 1), (8, 2, 1))})
    settle(target, Holdings(8, 1, 1))


def test_a_framework_is_told_which_rows_it_is_not_held_to():
    found = list(rows_left_out("sanic", SERVERS["sanic"], "http-table"))
    assert [outcome.left_out for outcome in found] == list(DIFFERENCES["sanic"])
    assert list(rows_left_out("epoll", SERVERS["epoll"], "http-table")) == []


def test_an_examination_ends_its_server_when_it_is_closed_early():
    world = fakes.World()
    killed = []
    target = world.stage.backend.start("epoll", "echo", StartOptions())
    target.kill = lambda: killed.append(True)
    world.stage.backend.start = lambda *_: target
    everything_left_out = Server("x", "own", cannot=dict.fromkeys(CHECKS, "not at all"))
    outcomes = examine("x", "echo", world.stage.backend, server=everything_left_out)
    assert next(outcomes).left_out == "not at all"
    outcomes.close()
    assert killed == [True]


def test_no_server_of_the_catalog_is_unknown():
    assert {server for server, _ in pairs()} == set(SERVERS)


def of(*due, closes):
    return HttpCase(b"", due, closes, "")


@pytest.mark.parametrize(
    ("case", "got", "ended", "well"),
    [
        (of(200, 200, closes=False), (200, 200), False, True),
        (of(200, 200, closes=False), (200,), True, True),  # a server may always hang up
        (of(200, 200, closes=False), (200,), False, False),  # but not fall silent
        (of(200, closes=False), (100, 200), False, True),
        (of(400, closes=True), (431,), True, True),
        (of(400, closes=True), (), True, True),  # without a word
        (of(400, closes=True), (), False, False),
        (of(400, closes=True), (200,), True, False),
        (of(400, closes=True), (400, 200), False, False),  # where did the next one begin?
        (of(501, closes=True), (405, 200), False, True),
        (of(200, 400, closes=True), (400,), True, False),  # the good one's answer is lost
        (of(200, 400, closes=True), (200, 500), True, True),
    ],
)
def test_a_framework_may_choose_where_the_rfcs_leave_the_choice(case, got, ended, well):
    assert (freely(case, got, ended=ended) == "") == well
