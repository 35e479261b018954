"""The two-sample shift against scipy and against its meaning."""

import math
import random
from itertools import combinations

import pytest
from scipy.stats import mannwhitneyu

from lab.stats.rank_sum import critical_k, shift


def test_the_count_is_that_of_all_orders():
    m, n = 4, 5
    every = [
        sum(1 for i in first for j in set(range(m + n)) - set(first) if i > j)
        for first in combinations(range(m + n), m)
    ]
    for alpha in (0.05, 0.2):
        k = critical_k(m, n, alpha)
        assert sum(u <= k for u in every) / len(every) <= alpha / 2
        assert sum(u <= k + 1 for u in every) / len(every) > alpha / 2


@pytest.mark.parametrize(("m", "n"), [(6, 6), (12, 12), (12, 18), (30, 30)])
def test_the_interval_holds_just_the_shifts_that_are_not_rejected(m, n):
    dice = random.Random(m * n)
    a = [dice.gauss(0, 1) for _ in range(m)]
    b = [dice.gauss(0.5, 1) for _ in range(n)]
    estimate, low, high = shift(a, b, 0.05)
    assert low < estimate < high
    for end, out in ((low, -1), (high, 1)):
        for step, inside in ((1e-9, False), (-1e-9, True)):
            moved = [value - end - out * step for value in b]
            p = mannwhitneyu(moved, a, method="exact").pvalue
            assert bool(p > 0.05) is inside


def test_it_covers_the_true_shift():
    dice, hits, runs = random.Random(2), 0, 500
    for _ in range(runs):
        a = [dice.gauss(0, 0.1) for _ in range(12)]
        b = [dice.gauss(0.3, 0.1) for _ in range(12)]
        _, low, high = shift(a, b, 0.05)
        hits += low <= 0.3 <= high
    assert hits / runs >= 0.93


def test_too_few_have_no_interval():
    assert shift([1.0], [2.0], 0.05) == (1.0, -math.inf, math.inf)
    with pytest.raises(ValueError, match="No values"):
        shift([], [1.0], 0.05)
    with pytest.raises(ValueError, match="alpha"):
        critical_k(3, 3, 0.0)
