"""The checks have teeth: servers with one classic mistake each, and the checks that catch it."""

import os
from collections import deque
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from lab import host
from lab.backends.contract import StartOptions, verify
from lab.backends.process import ProcessBackend
from lab.conformance import CHECKS
from lab.conformance.examine import examine, find, hold, holdings
from lab.conformance.subject import Subject
from lab.tracing import obstacle
from servers.catalog import EPOLL, Server

OPTIONS = StartOptions(env={"PYTHONPATH": str(Path(__file__).parent)})


@dataclass(frozen=True)
class Caught:
    """By which checks, each of them for itself; and in which protocol the mistake shows."""

    by: tuple[str, ...]
    protocol: str = "echo"


CAUGHT_BY = {
    "accepts_once_on_an_edge": Caught(("burst",)),
    "always_asks_for_room": Caught(("idle",)),
    "answers_before_reading": Caught(("byte-by-byte", "silent-client")),
    "blocks_in_send": Caught(("slow-neighbour",)),
    "caps_at_1000": Caught(("many",)),
    "dies_on_reset": Caught(("reset-behind-requests", "reset-while-written")),
    "dies_on_sigterm": Caught(("sigterm",)),
    "drops_one_in_a_hundred": Caught(("short", "many")),
    "forgets_the_length": Caught(("sizes", "http-paths"), "http"),
    "forgets_the_rest": Caught(("slow-reader", "half-close-unread")),
    "hangs_up_early": Caught(("half-close",)),
    "leaks_descriptors": Caught(("silent-client", "short")),
    "leaves_zombies": Caught(("silent-client", "short")),
    "loses_the_tail": Caught(("http-half-close-long-answer",), "http"),
    "never_asks_for_room": Caught(("slow-reader", "half-close-unread")),
    "polls_busily": Caught(("idle",)),
    "reads_once_on_an_edge": Caught(("half-close", "large")),
    "replies_short": Caught(("sizes", "large"), "http"),
    "replies_twice": Caught(("many", "short")),
    "resets_the_refused": Caught(("websocket-too-large",), "websocket"),
    "shares_one_state": Caught(("interleaved",), "http"),
    "spins_when_full": Caught(("descriptors",)),
    "takes_unmasked_frames": Caught(("websocket-table",), "websocket"),
    "wrong_byte": Caught(("large", "slow-reader")),
}
SEEN_IN_A_TRACE = {"waits_in_select"}  # it answers rightly: tests/integration/test_mechanism.py
CALLED = {"waits_in_select": Server("broken.waits_in_select", "readiness", EPOLL)}  # what it is not


@pytest.fixture(autouse=True)
def _short_of_patience(monkeypatch):
    host.nofile()
    monkeypatch.setattr("lab.wire.TIMEOUT", 1.0)
    monkeypatch.setattr("lab.backends.process.verify", partial(verify, timeout=1.0))


@pytest.mark.parametrize(
    ("broken", "check"), [(name, check) for name, row in CAUGHT_BY.items() for check in row.by]
)
def test_a_broken_server_is_caught_by_the_check_that_is_for_it(broken, check):
    name, protocol = f"broken.{broken}", CAUGHT_BY[broken].protocol
    with ProcessBackend().start(name, protocol, OPTIONS) as target:
        target.verify(protocol)  # at first sight it works
        subject = Subject(name, find(name), protocol, ProcessBackend(), OPTIONS, target)
        assert hold(subject, check, holdings(target, protocol)).failed


@pytest.mark.parametrize("broken", CAUGHT_BY)
def test_a_broken_server_does_not_get_through_the_examination(broken):
    name, protocol = f"broken.{broken}", CAUGHT_BY[broken].protocol
    with closing(examine(name, protocol, ProcessBackend(), OPTIONS)) as outcomes:
        assert any(outcome.failed for outcome in outcomes)


@pytest.mark.parametrize("broken", CALLED)
def test_a_server_that_is_not_what_it_is_called_is_caught_by_its_mechanism(broken):
    why = obstacle()
    if why and os.environ.get("CI") != "true":
        pytest.skip(f"nothing can be traced here: {why}")
    name, called = f"broken.{broken}", CALLED[broken]
    (last,) = deque(examine(name, "echo", ProcessBackend(), OPTIONS, called), maxlen=1)
    assert "waits in pselect6" in last.failed["mechanism"]


def test_every_broken_server_is_tried_by_checks_that_there_are():
    files = {path.stem for path in Path(__file__).parent.glob("broken/*.py")}
    assert files == set(CAUGHT_BY) | SEEN_IN_A_TRACE
    assert {check for row in CAUGHT_BY.values() for check in row.by} <= set(CHECKS)
