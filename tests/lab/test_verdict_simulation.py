"""Statistics are tested by simulation: the rules err as rarely as they say, seeds fixed.

Rates are those of docs/method.md, section 11. "Wrong" is a decision that contradicts the true
ratio; on the margin itself every decision is wrong.
"""

import math
import random

import pytest

from lab.stats.signed_rank import interval
from lab.verdicts import LOOK_ALPHA, LOOKS, Outcome, Sense, judge_ratio

M = 1.10
RUNS = 400
SDS = (0.05, 0.10)
YES, NO, OPEN = Outcome.SUPPORTED, Outcome.REFUTED, Outcome.INCONCLUSIVE


def simulate(true: float, sd: float, sense: Sense, runs: int = RUNS) -> list[Outcome]:
    rng = random.Random(f"{true} {sd}")
    return [
        judge_ratio([rng.gauss(math.log(true), sd) for _ in range(30)], sense, M).outcome
        for _ in range(runs)
    ]


def share(outcomes, wanted):
    return outcomes.count(wanted) / len(outcomes)


RATES = [
    # true ratio, sense, outcome, at least
    (1.00, Sense.AT_LEAST, NO, 0.95),
    (1.20, Sense.AT_LEAST, YES, 0.95),
    (1.10, Sense.AT_LEAST, OPEN, 0.90),
    (1.00, Sense.BELOW, YES, 0.95),
    (1.20, Sense.BELOW, NO, 0.95),
    (1.10, Sense.BELOW, OPEN, 0.90),
    (1.00, Sense.ABOUT, YES, 0.95),
    (1.20, Sense.ABOUT, NO, 0.95),
    (1 / 1.20, Sense.ABOUT, NO, 0.95),
    (1.10, Sense.ABOUT, OPEN, 0.90),
]


@pytest.mark.parametrize("sd", SDS)
@pytest.mark.parametrize(("true", "sense", "outcome", "rate"), RATES)
def test_true_and_false_claims_come_out_at_the_stated_rates(true, sense, outcome, rate, sd):
    assert share(simulate(true, sd, sense), outcome) >= rate


def truth(true: float, sense: Sense) -> Outcome:
    if math.isclose(true, M) or (sense is Sense.ABOUT and math.isclose(true, 1 / M)):
        return OPEN
    holds = {
        Sense.AT_LEAST: true > M,
        Sense.ABOUT: 1 / M < true < M,
        Sense.BELOW: true < M,
    }[sense]
    return YES if holds else NO


@pytest.mark.parametrize("sd", [*SDS, 0.30])
@pytest.mark.parametrize("sense", Sense)
@pytest.mark.parametrize("true", [0.80, 1 / M, 0.95, 1.00, 1.05, 1.08, M, 1.12, 1.15, 1.20, 1.50])
def test_wrong_decisions_are_rare_everywhere(true, sense, sd):
    outcomes = simulate(true, sd, sense)
    wrong = [outcome for outcome in outcomes if outcome not in (OPEN, truth(true, sense))]
    assert len(wrong) <= 0.05 * len(outcomes)


def test_heavy_tails_do_not_break_the_rule():
    # Laplace noise, the margin as the truth: every decision is an error
    rng = random.Random(12)
    noise = [[rng.choice((-1, 1)) * rng.expovariate(14) for _ in range(30)] for _ in range(RUNS)]
    outcomes = [
        judge_ratio([math.log(M) + value for value in d], Sense.AT_LEAST, M).outcome for d in noise
    ]
    assert share(outcomes, OPEN) >= 0.95


def null(runs: int, seed: int) -> list[list[float]]:
    rng = random.Random(seed)
    return [[rng.gauss(0, 0.1) for _ in range(30)] for _ in range(runs)]


def excludes_1(d, alpha):
    low, high = interval(d, alpha)
    return low > 0 or high < 0


def test_stopping_at_the_first_interval_that_excludes_1_errs_too_often():
    runs = null(RUNS, seed=1)
    eager = [any(excludes_1(d[:n], 0.05) for n in range(6, 31)) for d in runs]
    four_looks = [any(excludes_1(d[:n], 0.05) for n in LOOKS) for d in runs]
    assert sum(eager) > 0.15 * RUNS
    assert sum(four_looks) > 0.075 * RUNS  # four looks, each at 5 %, are too many as well


def test_the_planned_looks_do_not():
    planned = [any(excludes_1(d[:n], LOOK_ALPHA) for n in LOOKS) for d in null(2000, seed=2)]
    assert sum(planned) <= 0.05 * len(planned)


def test_equal_arms_are_never_called_different():
    outcomes = [judge_ratio(d, Sense.AT_LEAST, M).outcome for d in null(RUNS, seed=3)]
    assert YES not in outcomes


@pytest.mark.parametrize("effect", [0.2, 0.5])
def test_shuffled_labels_show_no_difference(effect):
    # stored blocks of a large effect; swapping the labels inside a block flips the sign of d.
    # Then the true ratio is 1: refuting "at least 1.10" is right, seeing any difference is wrong.
    rng = random.Random(13)
    stored = [rng.gauss(effect, 0.05) for _ in range(30)]
    assert judge_ratio(stored, Sense.AT_LEAST, M).outcome is YES
    shuffled = [[value * rng.choice((-1, 1)) for value in stored] for _ in range(1000)]
    different = [any(excludes_1(d[:n], LOOK_ALPHA) for n in LOOKS) for d in shuffled]
    supported = [judge_ratio(d, Sense.AT_LEAST, M).outcome is YES for d in shuffled]
    assert sum(different) <= 0.05 * len(different)
    assert sum(supported) <= 0.05 / 2 * len(supported)
