"""The checks have teeth: servers with one classic mistake each, and the checks that catch it."""

from functools import partial
from pathlib import Path

import pytest

from lab.backends.contract import StartOptions, WrongAnswer, verify
from lab.backends.process import ProcessBackend
from lab.conformance import CHECKS

OPTIONS = StartOptions(env={"PYTHONPATH": str(Path(__file__).parent)})
CAUGHT_BY = {
    "forgets_the_rest": ["slow-reader", "half-close-unread"],
    "never_asks_for_room": ["slow-reader", "half-close-unread"],
    "always_asks_for_room": ["idle"],
    "dies_on_reset": ["reset-behind-requests", "reset-while-written"],
    "hangs_up_early": ["half-close"],
    "blocks_in_send": ["slow-neighbour"],
    "wrong_byte": ["large", "slow-reader"],
}


@pytest.mark.parametrize(
    ("broken", "check"), [(name, check) for name, all_ in CAUGHT_BY.items() for check in all_]
)
def test_a_broken_server_is_caught(broken, check, monkeypatch):
    monkeypatch.setattr("lab.wire.TIMEOUT", 1.0)
    monkeypatch.setattr("lab.backends.process.verify", partial(verify, timeout=1.0))
    with ProcessBackend().start(f"broken.{broken}", "echo", OPTIONS) as target:
        target.verify("echo")  # at first sight it works
        with pytest.raises((WrongAnswer, OSError)):  # noqa: PT012 either may notice
            CHECKS[check].run(target, "echo")
            target.verify("echo")


def test_every_broken_server_is_tried():
    files = {path.stem for path in Path(__file__).parent.glob("broken/*.py")}
    assert files == set(CAUGHT_BY)
