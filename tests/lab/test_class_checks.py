"""Connection classes in lab.yaml: what they come to, and every mistake with its line."""

from pathlib import Path

import pytest

from lab.cells import cells
from lab.config import load, parse
from lab.errors import ConfigErrors
from lab.model import ClassLoad
from lab.plan import expand
from lab.schema import Lab
from lab.traced import bounded
from loadtests.engine import order
from loadtests.engine.classes import NAMES

ROOT = Path(__file__).parents[2]
LAB = """\
version: 1
defaults: {protocol: http, payload: 64 B}
profiles:
  quick: {looks: [6], warm-up: 0.2 s, window: 0.5 s, cool-down: 0.1 s}
  long: {looks: [6], warm-up: 0.2 s, window: 2 s, cool-down: 0.1 s}
experiments:
  all:
    question: Who waits for whom?
    arms: [epoll]
    factors: {k: [2, 50]}
    load:
      long: {connections: 4, rate: 100/s, requests: $k, ends: half-close}
      short: {connections: 2, think: 1 ms, ends: reset}
      idle: {connections: 5}
      slow-sender: {connections: 6, piece: 8 B, every: 10 ms, payload: 100 B}
      slow-reader: {connections: 3, piece: 4 KiB, every: 5 ms, path: /bytes/300000}
      never-finishing: {connections: 7}
      churn: {connections: 10, rate: 200/s}
      storm: {connections: 50, at: 200 ms}
      victim: {connections: 1, rate: 200/s}
claims:
  wall: {kind: limit, sentence: There is a wall., probe: select-1024, profiles: [quick]}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        parse(text.encode())
    return caught.value.problems


def test_every_class_says_what_it_was_told() -> None:
    lab = parse(LAB.encode())
    cell = cells(lab, "quick", "all")[0]
    assert list(cell.load) == list(NAMES)
    assert cell.load == {
        "long": ClassLoad(connections=4, rate=100, requests=2, ends="half-close"),
        "short": ClassLoad(connections=2, think_s=0.001, ends="reset"),
        "idle": ClassLoad(connections=5),
        "slow-sender": ClassLoad(connections=6, piece=8, every_s=0.01, payload=100),
        "slow-reader": ClassLoad(
            connections=3, piece=4096, every_s=0.005, payload=0, path="/bytes/300000"
        ),
        "never-finishing": ClassLoad(connections=7),
        "churn": ClassLoad(connections=10, rate=200),
        "storm": ClassLoad(connections=50, at_s=0.2),
        "victim": ClassLoad(connections=1, rate=200),
    }
    assert cells(lab, "quick", "all")[1].load["long"].requests == 50
    for by_alias in (True, False):
        assert Lab.model_validate_json(lab.model_dump_json(by_alias=by_alias)) == lab


def test_the_engine_takes_what_the_lab_plans_and_what_it_traces() -> None:
    lab = parse(LAB.encode())
    for cell in cells(lab, "long", "all"):
        for wanted in (cell, bounded(cell)):
            raw = {
                "trial": "t",
                "target": ["127.0.0.1", 1],
                "protocol": wanted.protocol,
                "classes": {n: one.model_dump(mode="json") for n, one in wanted.load.items()},
                "seed": 1,
                "timing": wanted.timing.model_dump(),
            }
            assert list(order.parse(raw).classes) == list(NAMES)


def test_a_load_without_new_classes_says_nothing_of_them() -> None:
    """So the hash of an older lab.yaml is still the same, and so is its plan."""
    plain = ClassLoad(connections=1).model_dump()
    assert plain.keys() == {"connections", "rate", "spacing", "think_s", "payload"}
    old = load(ROOT / "tests" / "integration" / "tiny.yaml").experiments["pair"].load
    assert old.model_dump().keys() == {"long", "short", "idle"}
    assert old.long is not None
    assert not old.long.model_dump().keys() & {"requests", "ends"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "requests: $k, ends",
            "payload: $k, ends",
            (
                "12:13: LOAD.long: ends needs an end. Write requests: 100 beside it, or leave it "
                "out."
            ),
        ),
        (
            "requests: $k",
            "payload: $k, requests: 0",
            '12:66: LOAD.long.requests: "0" is not a number of requests. Write 100, or $factor.',
        ),
        ("[2, 50]", "[0, 50]", "10:19: experiments.all.factors.k[0]: k cannot be 0 here. Write a"),
        (
            "short: {connections: 2",
            "short: {connections: 2, requests: 3",
            ("13:14: LOAD.short: a short connection asks once. Leave requests out, or write long."),
        ),
        ("ends: reset", "ends: bye", '13:50: LOAD.short.ends: "bye" is not known here. Write'),
        (
            "think: 1 ms, ends: reset",
            "think: 1 ms, ends: abandon, payload: 1 B",
            "",  # of http: its replies have a head
        ),
        ("piece: 8 B, ", "", '15:7: LOAD.slow-sender: "piece" is missing. Write piece: 8'),
        ("every: 10 ms", "every: 0 ms", '15:56: LOAD.slow-sender.every: "0 ms" must be more'),
        (
            "piece: 8 B",
            "piece: 1 KiB",
            (
                "15:44: LOAD.slow-sender.piece: a request of 155 B is one piece of 1024 B: nothing "
                "is slow. Write piece: 19 B, or a longer request."
            ),
        ),
        (
            "/bytes/300000",
            "/bytes/100",
            (
                "16:44: LOAD.slow-reader.piece: a reply of 180 B is one piece of 4096 B: nothing "
                "is slow. Write piece: 22 B, or a longer reply."
            ),
        ),
        (
            "rate: 200/s}\n      storm",
            "rate: 0/s}\n      storm",
            "18:14: LOAD.churn: a churn of",
        ),
        (
            "at: 200 ms",
            "at: 600 ms",
            (
                "19:36: LOAD.storm.at: a window of quick is 0.5 s, and this comes behind it. Write "
                "at: 0.15 s."
            ),
        ),
        (
            "victim: {connections: 1, rate: 200/s}",
            "victim: {connections: 1, think: 1 ms}",
            (
                "20:15: LOAD.victim: a victim asks at a fixed rate. Write rate: 100/s, and nothing "
                "else."
            ),
        ),
        (
            "victim: {connections: 1, rate: 200/s}",
            "victim: {connections: 1, stages: [{for: 1 s, to: 5/s}]}",
            "20:15: LOAD.victim: a victim asks at a fixed rate.",
        ),
        ("storm:", "strom:", '19:7: LOAD.strom: unknown key "strom". Did you mean storm?'),
        (
            "[epoll]",
            "[fastapi]",
            (
                "12:63: LOAD.long.ends: fastapi cannot take it: the end of the client's side is "
                "the end of both to it: what it owes is dropped. Write ends: close."
            ),
        ),
        ("[epoll]", "[blocking]", "10:19: experiments.all.factors.k[0]: blocking serves 1 at a ti"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(
    old: str, new: str, expected: str
) -> None:
    assert old in LAB
    text = LAB.replace(old, new)
    if not expected:
        parse(text.encode())
        return
    first = problems(text)[0]
    assert first.replace("experiments.all.load", "LOAD").startswith(f"lab.yaml:{expected}")


def test_echo_has_no_unfinished_requests_and_one_byte_has_no_middle() -> None:
    text = LAB.replace("protocol: http", "protocol: echo").replace(", path: /bytes/300000", "")
    text = text.replace("ends: reset", "ends: abandon, payload: 1 B")
    found = problems(text.replace("piece: 4 KiB", "piece: 4 B"))
    assert [one.replace("experiments.all.load", "LOAD") for one in found] == [
        (
            "lab.yaml:13:50: LOAD.short.ends: a reply of one byte has no middle to hang up in. "
            "Write payload: 64 B, or ends: reset."
        ),
        (
            "lab.yaml:17:7: LOAD.never-finishing: echo answers every byte: none of its requests is "
            "unfinished. Write protocol: http, or idle instead."
        ),
    ]


def test_who_holds_a_pool_starves_those_behind_them() -> None:
    arms = "{pool: {server: thread-pool, workers: 19}}"
    text = LAB.replace("[epoll]", arms)
    assert "storm would wait for ever" not in "".join(problems(text))  # others would, too
    fewer = text.replace("workers: 19", "workers: 22")
    assert "short and storm would wait for ever" in problems(fewer)[0]
    parse(text.replace("workers: 19", "workers: 23").encode())  # churn and rounds make room


def test_the_example_has_every_class_and_every_end() -> None:
    lab = load(ROOT / "examples" / "classes.yaml")
    loads = [cell.load for cell in expand(lab, ["*"], "quick", 1).cells]
    assert {name for classes in loads for name in classes} == set(NAMES)
    ends = {one.ends for classes in loads for one in classes.values()}
    assert ends == {"close", "half-close", "reset", "abandon"}


def test_the_page_on_classes_explains_each_of_them() -> None:
    page = (ROOT / "docs" / "classes.md").read_text()
    assert [name for name in NAMES if f"| **{name}** |" not in page] == []
