"""An arm may have a load of its own, where the load is what the arms differ in."""

from lab.cells import cells
from lab.config import parse
from lab.errors import ConfigErrors
from lab.schema import Lab

TEXT = """\
version: 1
profiles:
  quick: {looks: [12], warm-up: 0.25 s, window: 0.5 s, cool-down: 0.05 s}
experiments:
  queue:
    question: Does a closed load wait less than an open one?
    protocol: http
    arms:
      open: blocking
      closed:
        server: blocking
        load: {short: {connections: $users, think: 40 ms, path: /cpu/5000}}
    load:
      short: {connections: 64, rate: 160/s, spacing: poisson, path: /cpu/5000}
    factors:
      users: {quick: [8]}
claims:
  open-closed:
    kind: compare
    sentence: At equal load an open system answers more slowly.
    experiment: queue
    metric: response-mean
    ratio: open / closed
    at: {users: 8}
    at-least: 2.0
    because: a factor that nobody overlooks
    profiles: [quick]
"""


def parsed(text: str = TEXT) -> Lab:
    return parse(text.encode())


def problems(text: str) -> list[str]:
    try:
        parsed(text)
    except ConfigErrors as errors:
        return errors.problems
    return []


def test_each_arm_gets_the_load_that_is_its_own() -> None:
    opened, closed = cells(parsed(), "quick", "queue")

    assert (opened.load["short"].rate, opened.load["short"].connections) == (160, 64)
    assert (closed.load["short"].rate, closed.load["short"].connections) == (0, 8)
    assert closed.load["short"].think_s == 0.04


def test_a_latency_may_be_compared_between_an_open_and_a_closed_arm() -> None:
    assert parsed().claims["open-closed"].connection_class == "short"


def test_an_arm_without_a_load_of_its_own_leaves_no_trace_of_the_key() -> None:
    arm = parsed().experiments["queue"].arms["open"]

    assert "load" not in arm.model_dump()


def test_a_mistake_in_an_arms_load_is_told_where_it_stands() -> None:
    wrong = TEXT.replace("connections: $users", "connections: $user")

    assert any(
        "closed.load.short.connections" in line and "users" in line for line in problems(wrong)
    )


def test_a_path_in_an_arms_load_needs_a_protocol_with_paths() -> None:
    wrong = TEXT.replace("    protocol: http\n", "")

    told = [line for line in problems(wrong) if "echo has no paths" in line]
    assert sorted("closed" in line for line in told) == [False, True]
