"""The pace of the CPU as a covariate: it removes what it explains, and nothing else."""

import math
import random
from statistics import pstdev

import pytest

from lab.config import load
from lab.data import Data
from lab.judging import judge
from lab.pace import BOUNDS, CAP, LEAST_POINTS, Covariate, fit, pace_ns
from lab.plan import expand
from tests.lab import records as r
from tests.lab import simulated
from tests.lab.test_analysis import LAB, book


def points(beta, n=24, cells=2, sd=0.02, spread=0.2, seed=1):
    """Trials of cells that cost 10 and 20, times pace**beta times noise."""
    dice = random.Random(seed)
    made = []
    for i in range(n):
        pace = 100_000 * math.exp(dice.gauss(0, spread))
        y = 10 * (1 + i % cells) * (pace / 100_000) ** beta * math.exp(dice.gauss(0, sd))
        made.append((f"cell {i % cells}", y, pace))
    return made


@pytest.mark.parametrize("beta", [0.3, 0.75, 1.2])
def test_the_exponent_is_found_whatever_the_cells_cost(beta):
    assert fit(points(beta)).beta == pytest.approx(beta, abs=0.06)


def test_differences_between_cells_are_not_taken_for_pace():
    """One cell was slow and ran when the pace was slow: within each cell nothing follows it."""
    dice = random.Random(1)
    made = [
        (cell, y * math.exp(dice.gauss(0, 0.05)), pace * math.exp(dice.gauss(0, 0.1)))
        for cell, y, pace in [("a", 10, 100_000), ("b", 40, 200_000)] * 20
    ]
    assert fit(made).beta < 0.15


def test_too_few_trials_or_a_steady_pace_adjust_nothing():
    assert fit(points(1.0, n=LEAST_POINTS - 1)).beta == 0
    assert fit(points(1.0, spread=0.001)).beta == 0
    assert fit([]).factor(r.record()) == 1


def test_the_exponent_is_bounded():
    assert fit(points(4.0)).beta == BOUNDS[1]
    assert fit(points(-1.0)).beta == BOUNDS[0]


def test_an_interrupt_inside_the_loop_is_no_slow_core():
    noise = r.record().noise.model_copy(update={"pace_ns": [100_000] * 19 + [10_000_000]})
    found = pace_ns(r.record(noise=noise))
    assert found == pytest.approx(100_000 * (19 + CAP) / 20)
    assert pace_ns(r.record(noise=None)) is None


def paced(plan, cost, beta, sd=0.02, seed=1):
    """A run on a machine whose cores are slow at times, trial by trial; the pace tells."""
    dice = random.Random(seed)
    for record in simulated.simulate(plan, lambda _: 1.0, 0.0, seed):
        cell = plan.cell(record.cell)
        slow = dice.choice([1.0, 1.0, 1.9])
        y = cost(cell) * slow**beta * math.exp(dice.gauss(0, sd))
        trial = next(t for t in plan.trials if t.id == record.trial)
        made = simulated.made(trial, cell, y)
        noise = made.noise.model_copy(update={"pace_ns": [round(100_000 * slow)] * 20})
        yield made.model_copy(update={"noise": noise})


def test_slow_cores_are_taken_out_of_the_values():
    plan = expand(load(LAB), ("busy-few",), "quick", 1)
    data = Data(plan, paced(plan, book, 0.8))
    for cell in data.cells:
        raw = pstdev(math.log(y) for y in data.values(cell, "cpu-raw").values())
        adjusted = pstdev(math.log(y) for y in data.values(cell, "cpu").values())
        assert raw > 0.1
        assert adjusted < 0.04


def test_the_factor_is_one_at_the_usual_pace():
    covariate = Covariate(beta=0.8, usual_ns=100_000.0, spread=0.2)
    assert covariate.factor(r.record()) == pytest.approx(1.0)


def test_two_identical_arms_on_such_a_machine_are_never_supported():
    """The exponent is fitted to the same trials that are judged: that must not make a winner."""
    plan = expand(load(LAB), ("active-select",), "quick", 1)
    supported = 0

    lab = load(LAB)
    for seed in range(40):
        data = Data(plan, paced(plan, lambda _: 20.0, 0.8, sd=0.05, seed=seed))
        supported += judge(lab, plan, data, (), "active-select").decision.outcome == "supported"
    assert supported == 0
