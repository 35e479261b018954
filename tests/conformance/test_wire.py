"""Every server in every protocol, a fresh process each time, through every check it must pass."""

import pytest

from lab.backends.contract import StartOptions
from lab.backends.process import ProcessBackend
from lab.conformance import CHECKS, applicable
from servers.catalog import PROTOCOLS, SERVERS


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("server", SERVERS)
def test_wire(server, protocol, check):
    if check not in applicable(SERVERS[server]):
        facts = f"at_once={SERVERS[server].at_once}, spins={SERVERS[server].spins}"
        pytest.skip(f"by design: {facts}")
    with ProcessBackend().start(server, protocol, StartOptions()) as target:
        CHECKS[check].run(target, protocol)
        target.verify(protocol)
        end = target.stop(5)
    assert (end.exit_code, end.stderr) == (0, "")


def test_a_check_is_left_out_by_a_fact_and_for_no_other_reason():
    assert all(applicable(server) == CHECKS for server in SERVERS.values() if not server.at_once)
    assert "burst" not in applicable(SERVERS["blocking"])
    assert "slow-reader" in applicable(SERVERS["blocking"])
