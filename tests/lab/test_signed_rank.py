"""The exact signed-rank statistics against scipy, statsmodels and plain enumeration."""

import itertools
import math
import random
from fractions import Fraction
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, wilcoxon
from statsmodels.tsa.stattools import acf

from lab.stats.signed_rank import (
    autocorrelation,
    critical_k,
    estimate,
    estimated,
    interval,
    p_value,
    smallest_n,
    walsh,
)
from lab.stats.values import as_ratios, log_ratios

EIGHTHS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
SAMPLES = st.lists(st.floats(-5, 5, allow_nan=False), min_size=1, max_size=30)


def draw(n: int, seed: int = 0, centre: float = 0.3) -> list[float]:
    rng = random.Random(seed * 1000 + n)
    return [rng.gauss(centre, 1) for _ in range(n)]


@pytest.mark.parametrize(
    ("n", "at_5", "at_1_25"),
    [(8, 3, 0), (12, 13, 8), (18, 40, 29), (24, 81, 63), (30, 137, 112)],
)
def test_critical_values_of_the_looks(n, at_5, at_1_25):
    assert (critical_k(n, 0.05), critical_k(n, 0.0125)) == (at_5, at_1_25)


@pytest.mark.parametrize(("alpha", "low", "high"), [(0.05, 0.2, 0.7), (0.0125, 0.1, 0.8)])
def test_the_worked_example(alpha, low, high):
    assert estimated(EIGHTHS, alpha) == pytest.approx((0.45, low, high), abs=1e-15)


def test_walsh_averages_are_all_pairs_in_order():
    assert walsh([4.0, 1.0, 2.0]) == [1.0, 1.5, 2.0, 2.5, 3.0, 4.0]


@settings(deadline=None)  # a busy machine is no failure
@given(SAMPLES)
def test_estimate_is_the_median_of_the_upper_triangle(d):
    sums = np.add.outer(d, d)[np.triu_indices(len(d))] / 2
    assert estimate(d) == pytest.approx(np.median(sums), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("alpha", [0.5, 0.25, 0.2, 0.1, 0.05, 0.0125, 0.01, 0.003, 1 / 1024])
def test_fewest_blocks_with_a_finite_interval(alpha):
    n = smallest_n(alpha)
    assert n == math.ceil(1 + math.log2(1 / alpha))
    assert all(map(math.isfinite, interval(draw(n), alpha)))
    assert interval(draw(n - 1), alpha) == (-math.inf, math.inf)


@pytest.mark.parametrize("n", range(6, 61))
def test_p_values_equal_scipy(n):
    d = draw(n)
    for shift, alternative in itertools.product((-0.2, 0.0, 0.31), ("greater", "less")):
        shifted = [value - shift for value in d]
        theirs = wilcoxon(shifted, alternative=alternative, method="exact").pvalue
        assert p_value(d, shift, alternative) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.05, 0.0125])
@pytest.mark.parametrize("n", [8, 9, 12, 18, 24, 30, 60])
def test_interval_is_exactly_the_set_of_shifts_that_scipy_does_not_reject(n, alpha):
    d = draw(n, seed=1)
    low, high = interval(d, alpha)
    averages = walsh(d)
    gaps = [(a + b) / 2 for a, b in itertools.pairwise(averages)]
    shifts = [averages[0] - 1, *gaps, averages[-1] + 1]
    p = wilcoxon(np.subtract.outer(shifts, d), axis=1, method="exact").pvalue
    assert [low < shift < high for shift in shifts] == list(p > alpha)


def enumerated_p(x: list[int], alternative: str) -> Fraction:
    """P over all sign patterns, from the definition."""
    x = [value for value in x if value]
    ranks = [Fraction(rank) for rank in rankdata(np.abs(x))] if x else []
    counts = np.sign(x) * (-1 if alternative == "greater" else 1)
    seen = sum(rank for rank, sign in zip(ranks, counts, strict=True) if sign > 0)
    patterns = list(itertools.product((0, 1), repeat=len(x)))
    sums = [sum(itertools.compress(ranks, pattern)) for pattern in patterns]
    return Fraction(sum(total <= seen for total in sums), len(patterns))


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.integers(-4, 4), max_size=8), st.sampled_from(["greater", "less"]))
def test_ties_and_zeros_equal_all_sign_flips(x, alternative):
    assert p_value(x, 0, alternative) == float(enumerated_p(x, alternative))


def test_nothing_but_zeros_is_no_evidence():
    assert p_value([0.5] * 12, 0.5, "greater") == 1.0


@settings(deadline=None)  # a busy machine is no failure
@given(SAMPLES, st.integers(-8, 8))
def test_interval_moves_with_the_data_and_mirrors(d, shift):
    low, high = interval(d, 0.05)
    moved = interval([value + shift for value in d], 0.05)
    assert moved == pytest.approx((low + shift, high + shift), abs=1e-12)
    assert interval([-value for value in d], 0.05) == (-high, -low)


@settings(deadline=None)  # a busy machine is no failure
@given(SAMPLES)
def test_estimate_lies_inside_and_a_stricter_interval_is_wider(d):
    low, high = interval(d, 0.05)
    wider = interval(d, 0.0125)
    assert wider[0] <= low <= estimate(d) <= high <= wider[1]


def test_sixty_blocks_are_counted_exactly():
    # of 2**60 sign patterns one has no negative rank, and one more only rank 1
    d = [float(value) for value in range(1, 61)]
    assert p_value(d, 0, "greater") == 2.0**-60
    assert p_value(d, 0, "less") == 1.0
    assert p_value([-1.0, *d[1:]], 0, "greater") == 2.0**-59


@pytest.mark.parametrize("n", [3, 12, 30])
def test_autocorrelation_equals_statsmodels(n):
    d = draw(n, seed=2)
    assert autocorrelation(d) == pytest.approx(acf(d, nlags=1, fft=False)[1], rel=1e-12)


def test_autocorrelation_tells_trend_from_alternation():
    assert autocorrelation([float(n) for n in range(30)]) > 2 / math.sqrt(30)
    assert autocorrelation([1.0, -1.0] * 15) < -2 / math.sqrt(30)
    assert autocorrelation([0.3] * 30) == 0.0


def test_log_ratios_pair_the_blocks():
    assert log_ratios([2.0, 3.0], [1.0, 6.0]) == pytest.approx([math.log(2), -math.log(2)])


def test_endless_ends_stay_endless_as_ratios():
    assert as_ratios(estimated([0.0], 0.05)) == (1.0, 0.0, math.inf)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "function",
    [
        walsh,
        estimate,
        autocorrelation,
        lambda d: interval(d, 0.05),
        lambda d: p_value(d, 0, "less"),
    ],
)
def test_numbers_that_are_none_are_refused(function, bad):
    with pytest.raises(ValueError, match=r"d\[1\] is"):
        function([0.1, bad, 0.2])


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan])
def test_metrics_without_a_logarithm_are_refused(bad):
    with pytest.raises(ValueError, match=r"B\[0\] is"):
        log_ratios([1.0], [bad])


def test_unpaired_blocks_are_refused():
    with pytest.raises(ValueError, match="paired"):
        log_ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_levels_outside_0_to_1_are_refused(alpha):
    with pytest.raises(ValueError, match="alpha"):
        interval(EIGHTHS, alpha)


def test_no_blocks_have_no_estimate():
    with pytest.raises(ValueError, match="No blocks"):
        estimate([])


def test_median_of_symmetric_data_is_recovered():
    # Hodges-Lehmann is exact where the data are symmetric about a point
    assert estimate([0.7 + s * v for v in (0.5, 1.25, 4.0) for s in (-1, 1)]) == pytest.approx(0.7)
    assert median([1.0, 2.0]) == estimate([1.0, 2.0])
