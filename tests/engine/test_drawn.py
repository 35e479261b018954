"""Work that is drawn per request, and that all connections of a class take their turns in order."""

import statistics

import pytest

from loadtests.engine import drawn
from loadtests.engine.clients import CLIENTS


def test_works_are_exponential_with_the_mean_that_was_asked_for():
    works = drawn.works("/block/~6000", "seed")
    assert statistics.fmean(works) == pytest.approx(6, rel=0.03)
    assert statistics.pstdev(works) == pytest.approx(6, rel=0.05)
    assert min(works) == 0
    assert len(works) == drawn.DRAWS


def test_what_a_request_costs_besides_is_taken_off_before_rounding():
    plain, less = drawn.works("/block/~6000", "s"), drawn.works("/block/~6000-1000", "s")
    assert less == [max(0, work - 1) for work in plain]


def test_works_come_from_the_seed_alone():
    assert drawn.works("/block/~6000", "a") == drawn.works("/block/~6000", "a")
    assert drawn.works("/block/~6000", "a") != drawn.works("/block/~6000", "b")


@pytest.mark.parametrize(
    ("path", "fine"),
    [
        ("/block/~6000", True),
        ("/block/~6000-200", True),
        ("/block/5", True),
        ("/echo", True),
        ("/block/~0", False),
        ("/cpu/~6000", False),
        ("/block/~6000-", False),
        ("/block/~", False),
        ("/nothing", False),
    ],
)
def test_paths(path, fine):
    assert bool(drawn.problem(path)) is not fine


def test_all_requests_are_equally_long_and_are_taken_in_the_order_of_their_beginning():
    client = CLIENTS["http"]("seed", 64, "/block/~6000")
    assert client.in_order
    assert len({len(request) for request, _ in client.exchanges}) == 1
    assert len({reply for _, reply in client.exchanges}) == 1
    waits = [int(request.split()[1].rsplit(b"/", 1)[1]) for request, _ in client.exchanges]
    assert waits == drawn.works("/block/~6000", "seed")


def test_a_plain_path_stays_as_it_was():
    client = CLIENTS["http"]("seed", 64, "/block/5")
    assert not client.in_order
    assert [request.split()[1] for request, _ in client.exchanges] == [b"/block/5"]
