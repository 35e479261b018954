"""Arrival processes: tables, and what must hold for any rate and seed."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.engine.arrivals import SPACINGS, deal, plan, split

SECOND = 1_000_000_000
calm = settings(derandomize=True, deadline=None)

rates = st.floats(min_value=0.5, max_value=5000)
spacings = st.sampled_from(sorted(SPACINGS))


@pytest.mark.parametrize(
    ("rate", "seconds", "expected"),
    [
        pytest.param(4.0, 1.0, [0, 250, 500, 750], id="four in a second, the end excluded"),
        pytest.param(4.0, 0.1, [0], id="the first at once"),
        pytest.param(0.5, 3.0, [0, 2000], id="slower than one a second"),
        pytest.param(3.0, 1.0, [0, 1000 / 3, 2000 / 3], id="whole nanoseconds, rounded down"),
    ],
)
def test_constant(rate, seconds, expected):
    assert list(plan("constant", rate, int(seconds * SECOND), "seed")) == [
        math.floor(ms * 1_000_000) for ms in expected
    ]


def test_poisson_by_inversion_has_known_first_gaps():
    """Pinned: a change of the draw would change every stored schedule."""
    assert list(plan("poisson", 1000.0, 5_000_000, "1/long/arrivals"))[:3] == [
        136312,
        1349551,
        1535076,
    ]


def test_poisson_gaps_are_exponential():
    arrivals = plan("poisson", 1000.0, 50 * SECOND, "a seed")
    gaps = [after - before for before, after in pairwise(arrivals)]
    mean = sum(gaps) / len(gaps)
    assert mean == pytest.approx(1e6, rel=0.02)
    for limit in (0.5e6, 1e6, 2e6):
        beyond = sum(gap > limit for gap in gaps) / len(gaps)
        assert beyond == pytest.approx(math.exp(-limit / 1e6), abs=0.01)


@calm
@given(spacing=spacings, rate=rates, duration=st.integers(1, SECOND), seed=st.text(max_size=9))
def test_a_plan_is_sorted_bounded_and_replayable(spacing, rate, duration, seed):
    arrivals = plan(spacing, rate, duration, seed)
    assert list(arrivals) == sorted(arrivals)
    assert all(0 <= at < duration for at in arrivals)
    assert plan(spacing, rate, duration, seed) == arrivals
    longer = plan(spacing, rate, 2 * duration, seed)
    assert longer[: len(arrivals)] == arrivals


def test_other_seeds_other_arrivals():
    assert plan("poisson", 100.0, SECOND, "1") != plan("poisson", 100.0, SECOND, "2")


@calm
@given(total=st.integers(0, 10_000), of=st.integers(1, 40))
def test_shares_sum_to_the_whole_and_are_even(total, of):
    shares = [split(total, index, of) for index in range(of)]
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1


@calm
@given(spacing=spacings, rate=rates, of=st.integers(1, 9))
def test_hands_together_are_the_deck(spacing, rate, of):
    whole = plan(spacing, rate, SECOND // 5, "seed")
    hands = [deal(whole, index, of) for index in range(of)]
    assert sorted(at for hand in hands for at in hand) == list(whole)
    assert max(map(len, hands)) - min(map(len, hands)) <= 1


def test_unknown_spacing():
    with pytest.raises(KeyError):
        plan("bursts", 1.0, SECOND, "seed")
