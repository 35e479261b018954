"""Every server in every protocol through every check that its design allows."""

import pytest

from lab.backends.process import ProcessBackend
from lab.conformance import CHECKS, FACTS, mechanism
from lab.conformance.examine import END, applicable, examine, left_out
from lab.http_cases import CASES
from lab.http_differences import DIFFERENCES
from lab.verify import pairs
from servers.catalog import PROTOCOLS, SERVERS

WORKERS = 4


@pytest.mark.parametrize(("server", "protocol"), pairs())
def test_a_server_passes_every_check_that_its_design_allows(server, protocol):
    outcomes = list(examine(server, protocol, ProcessBackend()))
    assert {o.check: dict(o.failed) for o in outcomes if o.failed} == {}
    held = {o.check for o in outcomes if o.cases}
    due = {c for c in applicable(protocol) if not left_out(SERVERS[server], c, WORKERS)}
    assert held == due | {END, mechanism.NAME}  # and none was forgotten
    assert {o.check for o in outcomes if o.fact} == set(FACTS.get(protocol, {}))


def test_a_check_is_left_out_by_a_declared_fact_and_for_no_other_reason():
    reasons = {check: left_out(SERVERS["epoll"], check, WORKERS) for check in CHECKS}
    assert set(reasons.values()) == {""}
    assert left_out(SERVERS["blocking"], "slow-neighbour", WORKERS) == "it serves 1 at once"
    assert left_out(SERVERS["blocking"], "many", WORKERS) == ""
    assert left_out(SERVERS["prefork"], "slow-neighbour", WORKERS) == ""
    assert left_out(SERVERS["prefork"], "slow-neighbour", workers=1) == "it serves 1 at once"
    assert left_out(SERVERS["nonblocking"], "idle", WORKERS) == "it asks instead of waiting"


@pytest.mark.parametrize("server", [name for name in SERVERS if SERVERS[name].cannot])
def test_what_a_server_cannot_is_a_check_that_there_is_and_has_a_reason(server):
    cannot = SERVERS[server].cannot
    assert set(cannot) <= set(CHECKS)
    assert all(cannot.values())


def test_every_check_means_something_in_a_protocol_that_there_is():
    named = {protocol for check in CHECKS.values() for protocol in check.protocols}
    assert named <= set(PROTOCOLS)
    assert {check.like for check in CHECKS.values()} <= {"", *CHECKS}


def test_a_framework_differs_in_rows_that_there_are_and_once_in_each():
    for server, found in DIFFERENCES.items():
        rows = [row for of_one_kind in found.values() for row in of_one_kind]
        assert SERVERS[server].family == "framework"
        assert len(rows) == len(set(rows))
        assert set(rows) <= set(CASES)
