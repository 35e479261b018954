"""Golden files: `--update` writes them anew. Give it with a path: `pytest tests/lab --update`.

A ceiling that `lab selftest` has found on this machine refuses no plan of a test.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.selftest import ceilings
from tests.lab.fake_engine import FakeEngine

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write the golden files anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a golden file; with --update, write the file instead."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update", default=False):
            path.write_text(text, encoding="utf-8", newline="\n")
        assert text == path.read_text(encoding="utf-8"), f"{name}: see it, then --update"

    return compare


@pytest.fixture(autouse=True)
def _no_ceiling_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "NAME", "ceiling-of-a-test.json")


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    """A Docker engine in memory; whatever it runs is ended."""
    made = FakeEngine()
    yield made
    for one in made.created:
        one.end()
