"""The sign e-process against its definition, its bound, and the rule that stops by it."""

import math
import random

import pytest
from scipy.special import betaln

from lab.decision import ALPHA, Outcome
from lab.stats import sign
from lab.three_sided import Sense, judge_ratio
from lab.until import SIGN_ALPHA
from lab.verdicts import LOOKS, judge_difference

M = 1.10


@pytest.mark.parametrize("wins", range(0, 60, 7))
@pytest.mark.parametrize("losses", range(0, 60, 11))
def test_e_is_what_the_formula_says(wins, losses):
    exact = (wins + losses) * math.log(2) + betaln(wins + 0.5, losses + 0.5) - betaln(0.5, 0.5)
    assert sign.log_e(wins, losses) == pytest.approx(exact, abs=1e-10)


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (3, 1), (10, 20), (0, 7)])
def test_e_is_a_martingale(wins, losses):
    after = math.exp(sign.log_e(wins + 1, losses)) + math.exp(sign.log_e(wins, losses + 1))
    assert after / 2 == pytest.approx(math.exp(sign.log_e(wins, losses)))


def test_it_starts_at_one_and_takes_eight_blocks_at_least():
    assert sign.log_e(0, 0) == 0
    assert sign.fewest(SIGN_ALPHA) == 8
    assert sign.side([1.0] * 7, 0.0, SIGN_ALPHA) == 0
    assert sign.side([1.0] * 8, 0.0, SIGN_ALPHA) == 1
    assert sign.side([-1.0] * 8, 0.0, SIGN_ALPHA) == -1


def test_blocks_on_the_margin_count_for_neither_side():
    assert sign.e_value([0.5] * 40, 0.5) == 1
    assert sign.side([0.5] * 40 + [1.0] * 7, 0.5, SIGN_ALPHA) == 0


def test_whoever_looks_at_every_block_is_wrong_as_rarely_as_it_says():
    # Ville: the chance that E ever reaches 1/alpha is at most alpha, here over 300 blocks
    dice, runs, alpha = random.Random(5), 1500, 0.05
    ever = 0
    for _ in range(runs):
        wins = losses = 0
        for _ in range(300):
            wins, losses = (wins + 1, losses) if dice.random() < 0.5 else (wins, losses + 1)
            if sign.log_e(wins, losses) >= -math.log(alpha):
                ever += 1
                break
    assert ever / runs <= alpha + 2 * math.sqrt(alpha * (1 - alpha) / runs)


@pytest.mark.parametrize("n", [7, 8, 12, 30, 61])
def test_the_interval_holds_all_margins_that_are_not_rejected(n):
    dice = random.Random(n)
    d = [dice.gauss(0.1, 1) for _ in range(n)]
    low, high = sign.interval(d, SIGN_ALPHA)
    if n < 8:
        assert (low, high) == (-math.inf, math.inf)
        return
    for margin in [value + step for value in d for step in (-1e-9, 1e-9)]:
        inside = low <= margin <= high
        assert (sign.side(d, margin, SIGN_ALPHA) == 0) is inside, margin


def run(true, sd, sense, dice, blocks=60):
    d = [dice.gauss(math.log(true), sd) for _ in range(blocks)]
    return judge_ratio(d, sense, M, until_decided=True)


@pytest.mark.parametrize("sd", [0.05, 0.3])
@pytest.mark.parametrize("sense", Sense)
@pytest.mark.parametrize("true", [M, 1 / M])
def test_on_the_margin_looks_and_process_together_err_in_each_direction_in_5_of_100(
    true, sense, sd
):
    dice, runs = random.Random(f"{true} {sense} {sd}"), 600
    found = [run(true, sd, sense, dice).outcome for _ in range(runs)]
    error = 2 * math.sqrt(ALPHA * (1 - ALPHA) / runs)
    for outcome in (Outcome.SUPPORTED, Outcome.REFUTED):
        right = {  # on the lower margin "at least m" is false, and so on
            (Sense.AT_LEAST, 1 / M): Outcome.REFUTED,
            (Sense.BELOW, 1 / M): Outcome.SUPPORTED,
        }.get((sense, true))
        if outcome is not right:
            assert found.count(outcome) / runs <= ALPHA + error


def test_it_decides_what_thirty_blocks_cannot():
    dice = random.Random(3)
    found = [run(1.14, 0.1, Sense.AT_LEAST, dice, blocks=300) for _ in range(60)]
    late = [one for one in found if one.is_decided and one.blocks > LOOKS[-1]]
    assert len(late) > 30
    assert all(one.outcome is Outcome.SUPPORTED for one in late)
    assert "sign e-process" in late[0].reason
    assert late[0].low > M


def test_it_stops_at_the_first_block_that_decides():
    d = [0.5] * 60
    found = judge_ratio(d, Sense.AT_LEAST, M, until_decided=True)
    assert (found.blocks, found.looks_taken) == (8, 0)
    assert found.outcome is Outcome.SUPPORTED
    assert found.p <= ALPHA
    assert judge_ratio(d, Sense.AT_LEAST, M).blocks == LOOKS[0]


def test_equality_takes_both_margins():
    found = judge_ratio([0.001, -0.001] * 20, Sense.ABOUT, M, until_decided=True)
    assert (found.outcome, found.blocks) == (Outcome.SUPPORTED, 8)
    found = judge_ratio([-0.5] * 20, Sense.ABOUT, M, until_decided=True)
    assert found.outcome is Outcome.REFUTED


def test_a_difference_may_go_on_too():
    found = judge_difference([0.9] * 9, 0.5, until_decided=True)
    assert (found.outcome, found.blocks) == (Outcome.SUPPORTED, 8)
    found = judge_difference([0.1] * 9, 0.5, until_decided=True)
    assert found.outcome is Outcome.REFUTED


def test_what_stays_open_says_how_far_it_went():
    dice = random.Random(1)
    d = [math.log(M) + (0.1 if i % 2 else -0.1) + dice.gauss(0, 0.001) for i in range(50)]
    found = judge_ratio(d, Sense.AT_LEAST, M, until_decided=True)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.blocks == 50
    assert "50 blocks in all" in found.reason
