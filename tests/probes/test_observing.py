"""Every probe, once, for real: what it sees here is what was seen before, or it says why not."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.probes import SKIPPED, find, read
from lab.probing import AT_ONCE, run_one
from tests.probes.forged import FORGED

pytestmark = pytest.mark.slow

UNLABELLED = ""  # what carries a label and no living lab, another lab on this machine ends
MISSING = re.compile(
    r"strace|root may not|io_uring|[Pp]ython module|CPUs|files may be open|/proc/|system calls"
)
SURE = [n for n in FORGED if float not in find(n).Seen.__annotations__.values()]
TIMED = sorted(set(FORGED) - set(SURE))


@pytest.fixture(scope="session")
def records():
    """One record of each probe, a few at a time, as the lab runs them."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = {name: pool.submit(run_one, name, name, 0, UNLABELLED) for name in FORGED}
        return {name: run.result() for name, run in runs.items()}


@pytest.mark.parametrize("name", FORGED)
def test_a_probe_ends_with_evidence_that_its_judge_can_read(records, name):
    record = records[name]
    assert record.error == ""
    if SKIPPED in record.evidence:
        assert MISSING.search(record.evidence[SKIPPED])
    else:
        assert read(find(name).Seen, record.evidence)


@pytest.mark.parametrize("name", SURE)
def test_what_is_counted_is_the_same_everywhere(records, name):
    record = records[name]
    assert SKIPPED in record.evidence or (record.outcome, record.control) == FORGED[name][0][:2]


@pytest.mark.parametrize("name", TIMED)
def test_what_is_timed_may_be_in_doubt_and_never_turns_round(records, name):
    assert records[name].outcome in {FORGED[name][0].holds, None}
