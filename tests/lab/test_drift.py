"""Kendall, Theil-Sen and the drift of a window, against scipy."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, theilslopes

from lab.stats.drift import Drift, drift, kendall_tau, theil_sen

WINDOWS = st.lists(st.integers(-3, 3), min_size=3, max_size=25)


@pytest.mark.parametrize("n", range(6, 61))
def test_tau_and_slope_equal_scipy(n):
    rng = random.Random(n)
    y = [rng.gauss(100 + index, 10) for index in range(n)]
    assert kendall_tau(y) == pytest.approx(kendalltau(range(n), y).statistic, rel=1e-12, abs=1e-12)
    assert theil_sen(y) == pytest.approx(theilslopes(y).slope, rel=1e-12, abs=1e-12)


@settings(deadline=None)  # a busy machine is no failure
@given(WINDOWS.filter(lambda y: len(set(y)) > 1))
def test_ties_equal_scipy(y):
    assert kendall_tau(y) == pytest.approx(kendalltau(range(len(y)), y).statistic, abs=1e-12)
    assert theil_sen(y) == pytest.approx(theilslopes(y).slope, abs=1e-12)


def test_a_flat_window_is_steady():
    assert drift([5.0] * 20) == Drift(tau=0.0, change=0.0)
    assert drift([5.0] * 20).is_steady


def test_a_straight_rise_is_measured_exactly():
    rising = drift([100.0 + index for index in range(21)])  # 100 ... 120, median 110
    assert rising == Drift(tau=1.0, change=pytest.approx(20 / 110))
    assert not rising.is_steady


def test_direction_does_not_matter():
    assert drift([120.0 - index for index in range(21)]) == Drift(-1.0, pytest.approx(20 / 110))


@pytest.mark.parametrize(
    ("tau", "change", "is_steady"),
    [(0.9, 0.09, True), (0.4, 0.5, True), (0.51, 0.11, False), (-0.51, 0.11, False)],
)
def test_void_needs_a_consistent_and_a_large_drift(tau, change, is_steady):
    assert Drift(tau, change).is_steady is is_steady


def test_noise_is_rarely_called_drift_and_a_real_one_is_found():
    rng = random.Random(11)
    noise = [[rng.gauss(100, 20) for _ in range(20)] for _ in range(500)]
    assert sum(not drift(y).is_steady for y in noise) <= 0.01 * 500
    slowing = [[v * (1 - 0.03 * i) for i, v in enumerate(y)] for y in noise]
    assert sum(not drift(y).is_steady for y in slowing) >= 0.5 * 500


@pytest.mark.parametrize("y", [[], [1.0]])
def test_one_slice_has_no_drift(y):
    with pytest.raises(ValueError, match="at least 2"):
        kendall_tau(y)


@pytest.mark.parametrize("bad", [[0.0] * 5, [-1.0] * 5, [1.0, math.nan, 2.0]])
def test_windows_without_a_level_are_refused(bad):
    with pytest.raises(ValueError, match="is"):
        drift(bad)
