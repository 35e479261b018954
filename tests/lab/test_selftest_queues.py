"""The theory that self-tests predict by, against simulation, tables and its own limits."""

import math
import random
import statistics

import pytest

from lab.selftest import md1, queues, theory
from loadtests.engine import arrivals, clients

CLIENTS = 200_000  # of a simulated queue: the mean at rho 0.7 is then known to 1 %


def simulated(rho, services):
    draw = random.Random(5)
    at, instants = 0.0, []
    for _ in services:
        at += draw.expovariate(rho)
        instants.append(at)
    return sorted(queues.lindley(instants, services))


@pytest.mark.parametrize("rho", theory.LOADS)
def test_md1_is_what_a_simulation_of_it_gives(rho):
    found = simulated(rho, [1.0] * CLIENTS)
    assert statistics.fmean(found) == pytest.approx(queues.md1_mean(1, rho), rel=0.02)
    for q in (0.6, 0.9, 0.99):
        due = queues.md1_quantile(q, 1, rho)
        assert queues.quantile(found, q) == pytest.approx(due, rel=0.04)


@pytest.mark.parametrize("rho", theory.LOADS)
def test_mm1_is_what_a_simulation_of_it_gives(rho):
    draw = random.Random(6)
    found = simulated(rho, [draw.expovariate(1) for _ in range(CLIENTS)])
    assert statistics.fmean(found) == pytest.approx(queues.mm1_mean(1, rho), rel=0.04)
    for q in (0.5, 0.9, 0.99):
        due = queues.mm1_quantile(q, 1, rho)
        assert queues.quantile(found, q) == pytest.approx(due, rel=0.06)


def test_mm1_of_the_method():
    """10 ms, 80 a second: mean 50 ms, p50 34.7, p99 230."""
    assert queues.mm1_mean(0.010, 0.8) == pytest.approx(0.050)
    assert queues.mm1_quantile(0.50, 0.010, 0.8) == pytest.approx(0.0347, rel=0.01)
    assert queues.mm1_quantile(0.99, 0.010, 0.8) == pytest.approx(0.230, rel=0.01)


def test_erlangs_series_begins_with_an_empty_system_and_ends_at_one():
    assert queues.md1_wait_cdf(0, 0.7) == pytest.approx(0.3)
    assert queues.md1_wait_cdf(-0.1, 0.7) == 0
    # up to one service time nobody waits for more than one client: (1 - rho) e^(rho x)
    assert queues.md1_wait_cdf(0.5, 0.7) == pytest.approx(0.3 * math.exp(0.35))
    assert queues.md1_wait_cdf(40, 0.7) == pytest.approx(1, abs=1e-9)


def test_erlangs_series_never_falls_where_floats_would_drown_it():
    values = [queues.md1_wait_cdf(x / 2, 0.9) for x in range(120)]
    assert values == sorted(values)
    assert values[-1] < 1


def test_the_mean_wait_is_the_area_above_the_distribution():
    step = 0.01
    area = sum((1 - queues.md1_wait_cdf(k * step + step / 2, 0.5)) * step for k in range(1500))
    assert 1 + area == pytest.approx(queues.md1_mean(1, 0.5), rel=0.01)


@pytest.mark.parametrize(
    ("instants", "services", "due"),
    [
        ([0, 10, 20], [3, 3, 3], [3, 3, 3]),  # nobody meets anybody
        ([0, 1, 2], [3, 3, 3], [3, 5, 7]),  # everybody waits
        ([0, 1, 9], [3, 3, 3], [3, 5, 3]),  # the third finds it empty again
        ([0, 0], [2, 1], [2, 3]),  # at one instant, in order
    ],
)
def test_lindleys_recursion(instants, services, due):
    assert queues.lindley(instants, services) == due


@pytest.mark.parametrize(("q", "due"), [(0.5, 2), (0.75, 3), (0.76, 4), (0.07, 1), (1.0, 4)])
def test_quantiles_are_those_of_the_histograms(q, due):
    assert queues.quantile([1, 2, 3, 4], q) == due


def test_the_chosen_plan_is_like_the_theory_and_most_others_are_not():
    s, rho, window = 0.004, 0.7, 5.0
    plan = theory.choose(md1.KIND, md1.PATH, rho, s, 0.0, window)
    assert plan.mean == pytest.approx(md1.KIND.mean(s, rho), rel=0.05)
    assert queues.quantile(plan.responses, 0.9) == pytest.approx(
        md1.KIND.quantile(0.9, s, rho), rel=0.05
    )
    assert plan.spread > 0.05


def test_a_plan_is_what_the_load_engine_draws():
    """Two ways to the same arrivals and the same work: by the self-test, and by the engine."""
    path, rate, window = "/block/~6000-200", 100.0, 2.0
    foreseen = theory.arrivals_of(3, rate, window)
    seconds = theory.PHASES["warm_up"] + window + theory.PHASES["cool_down"]
    drawn = arrivals.plan("poisson", rate, round(seconds * 1e9), "3/short/arrivals")
    assert [round(at * 1e9) for at in foreseen] == list(drawn)
    client = clients.CLIENTS["http"]("3/short/payload", 64, path)
    asked = [request.split()[1].decode() for request, _ in client.exchanges[:50]]
    works = theory.works_of(3, path, 50)
    assert [int(one.rsplit("/", 1)[1]) for one in asked] == [round(1e3 * work) for work in works]
