"""docs/arrivals.md: every load on the page loads, and is the executor that the page says."""

import re
from pathlib import Path

import pytest
import yaml

from lab.cells import cells
from lab.config import parse
from lab.course_words import pace_words
from loadtests.engine import order, staged

PAGE = (Path(__file__).parents[2] / "docs" / "arrivals.md").read_text("utf-8")
LOADS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
AROUND = """\
version: 1
profiles: {quick: {looks: [12], warm-up: 0.25 s, window: 0.7 s, cool-down: 0.05 s}}
experiments:
  one:
    question: Does the page tell the truth?
    arms: [select, epoll]
    load:
%s
claims:
  small: {kind: below, sentence: epoll is small., experiment: one, metric: pss,
          ratio: epoll / select, below: 1.1, because: why not, profiles: [quick]}
"""
EXPECTED = [
    ("constant-vus", "closed, think 400 us"),
    ("constant-vus", "closed, think 5000 us on average (exponential)"),
    (
        "ramping-vus",
        "closed, 5 asking to 50 asking in 0.4 s, then 20 asking, think 1000 us",
    ),
    ("constant-arrival-rate", "open 2000/s constant"),
    ("constant-arrival-rate", "open 2000/s poisson"),
    ("ramping-arrival-rate", "open 100/s to 2000/s in 0.5 s, then 100/s constant"),
    (
        "ramping-arrival-rate",
        "open 500/s for 0.483333 s, then 1000/s for 0.233333 s, then 2000/s constant",
    ),
    (
        "ramping-arrival-rate",
        "open 300/s for 0.45 s, then 3000/s for 0.1 s, then 300/s constant",
    ),
    ("ramping-vus", "closed, 0 asking to 16 asking in 0.25 s, think 2000 us"),
]


def test_every_load_of_the_page_is_looked_at():
    assert len(LOADS) == len(EXPECTED)
    assert set(staged.EXECUTORS) == {executor for executor, _ in EXPECTED}


@pytest.mark.parametrize(("text", "expected"), [*zip(LOADS, EXPECTED, strict=True)])
def test_a_load_of_the_page_is_what_it_says(text, expected):
    inside = "".join(f"      {line}\n" for line in text.splitlines())
    found = cells(parse((AROUND % inside).encode()), "quick", "one")[0].load["long"]
    assert (staged.executor(found), pace_words(found)) == expected
    order.load("long", found.model_dump(mode="json"))  # and the engine takes it


def test_the_page_names_every_executor_and_short_form():
    table = PAGE[PAGE.index("| `executor`") : PAGE.index("## Which one")]
    assert re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE)[1:] == list(staged.EXECUTORS)
    assert [name for text in LOADS for name in ("step", "spike", "soak") if name in text] == [
        "step",
        "spike",
        "soak",
    ]


def test_what_the_page_writes_in_prose_is_yaml():
    for text in LOADS:
        assert list(yaml.safe_load(text)) == ["long"]
