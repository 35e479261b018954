"""Courses of a rate and of a crowd: tables worked out by hand, and what holds for any of them."""

import math
from fractions import Fraction
from itertools import count, islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.engine import course as courses
from loadtests.engine.arrivals import deal, plan, ramp, split
from loadtests.engine.course import ONE, SECOND, Stretch, course, crowd, mean_crowd

calm = settings(derandomize=True, deadline=None)
MS = SECOND // 1000

levels = st.floats(min_value=0, max_value=2000).map(lambda level: round(level, 3))
lengths = st.one_of(st.just(0.0), st.floats(min_value=1e-9, max_value=0.3))
stages = st.lists(st.tuples(lengths, levels), max_size=5)
spacings = st.sampled_from(["constant", "poisson"])


@pytest.mark.parametrize(
    ("start", "steps", "seconds", "expected"),
    [
        pytest.param(4, [], 1, [0, 250, 500, 750], id="no stage: the start holds"),
        pytest.param(4, [(1, 4)], 1.5, [0, 250, 500, 750, 1000, 1250], id="flat, then held"),
        # gathered: 8 t^2 / 2 = n, t = sqrt(n / 4)
        pytest.param(
            0,
            [(1, 8)],
            1,
            [0, 500, 500 * math.sqrt(2), 500 * math.sqrt(3)],
            id="from nothing up: roots",
        ),
        # gathered: 8 t - 4 t^2 = n, t = 1 - sqrt(1 - n / 4)
        pytest.param(
            8,
            [(1, 0)],
            9,
            [0, 1000 - 500 * math.sqrt(3), 1000 - 500 * math.sqrt(2), 500],
            id="down to nothing, and nothing behind",
        ),
        pytest.param(
            2, [(1, 2), (0, 4)], 2, [0, 500, 1000, 1250, 1500, 1750], id="a jump between two"
        ),
        pytest.param(
            2, [(1, 2), (0, 0), (1, 0), (0, 2)], 3, [0, 500, 2000, 2500], id="a silence is silent"
        ),
        pytest.param(0, [(1, 0), (0, 2)], 2, [1000, 1500], id="silent at first"),
        pytest.param(0, [(1, 0)], 9, [], id="silent for ever"),
        # 1 + 2 of the trapezium: t + t^2 = n, t = (sqrt(1 + 4 n) - 1) / 2
        pytest.param(
            1, [(1, 3)], 1, [0, 500 * (math.sqrt(5) - 1)], id="up: a root that is no half"
        ),
    ],
)
def test_constant_spacing_by_hand(start, steps, seconds, expected):
    arrivals = ramp("constant", course(start, steps), int(seconds * SECOND), "any")
    assert list(arrivals) == [math.floor(round(ms * MS, 3)) for ms in expected]


def test_a_poisson_ramp_by_hand():
    """Of a rate 2000 t, 1000 t^2 is gathered. Pinned, as whoever changes it changes schedules."""
    arrivals = ramp("poisson", course(0, [(1, 2000)]), SECOND // 5, "1/long/arrivals")
    even = plan("poisson", 1000.0, SECOND, "1/long/arrivals")
    expected = [math.floor(math.sqrt(at / SECOND) * SECOND) for at in even[: len(arrivals)]]
    assert list(arrivals) == pytest.approx(expected, abs=50)
    assert list(arrivals[:2]) == [11675311, 36736236]


@pytest.mark.parametrize(
    ("start", "steps", "expected"),
    [
        pytest.param(3, [], [(0, 3)], id="constant"),
        pytest.param(0, [(1, 4)], [(0, 0), (250, 1), (500, 2), (750, 3), (1000, 4)], id="up"),
        pytest.param(2, [(1, 0)], [(0, 2), (500, 1), (1000, 0)], id="down"),
        pytest.param(1, [(1, 1), (0, 5)], [(0, 1), (1000, 5)], id="a jump is one step"),
        pytest.param(5, [(0, 5), (2, 5)], [(0, 5)], id="nothing changes"),
        pytest.param(
            1, [(1, 3), (1, 2)], [(0, 1), (500, 2), (1000, 3), (2000, 2)], id="up and down"
        ),
    ],
)
def test_a_crowd_by_hand(start, steps, expected):
    assert list(crowd(start, steps)) == [(ms * MS, active) for ms, active in expected]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1000, Fraction(3, 2)), (250, 1250, Fraction(5, 2)), (900, 1100, Fraction(7, 2))],
)
def test_the_mean_of_a_crowd(low, high, expected):
    """Of 0, 1, 2, 3 for a quarter of a second each, and then 4."""
    assert mean_crowd(0, [(1, 4)], low * MS, high * MS) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        pytest.param(0, 1000, False, id="the rise"),
        pytest.param(1000, 2000, True, id="between, up to the jump at its edge"),
        pytest.param(1000, 2001, False, id="over the jump"),
        pytest.param(2000, 5000, True, id="from the jump on, and behind the end"),
        pytest.param(999, 1500, False, id="a last bit of the rise"),
    ],
)
def test_steady(low, high, expected):
    risen = course(0, [(1, 10), (1, 10), (0, 20), (1, 20)])
    assert risen.steady(low * MS, high * MS) is expected


def test_a_course_without_stages_is_steady():
    assert course(7, []).steady(0, SECOND)


def test_a_jump_behind_the_last_stage_is_one():
    jump = course(7, [(1, 7), (0, 9)])
    assert jump.steady(0, SECOND)
    assert not jump.steady(0, SECOND + 1)
    assert jump.steady(SECOND, 2 * SECOND)


@calm
@given(
    length=st.integers(1, 20),
    first=st.integers(0, 20),
    last=st.integers(0, 20),
    before=st.integers(0, 9),
)
def test_a_stretch_is_inverted_exactly(length, first, last, before):
    """In small numbers, where a root that is rounded the wrong way is a whole step off."""
    stretch = Stretch(5, length, first, last, before)
    rise = last - first
    for amount in range(before, stretch.after):
        t = stretch.reach(amount) - 5
        assert 0 <= t <= length
        gathered, more = (2 * first * length * u + rise * u * u for u in (t, t + 1))
        assert gathered <= (amount - before) * length
        assert t == length or more > (amount - before) * length


@calm
@given(start=levels, steps=stages)
def test_constant_spacing_has_a_request_wherever_a_whole_one_is_gathered(start, steps):
    """Exact: at each arrival n are gathered and at the next ns more than that."""
    rate = course(start, steps)
    found = ramp("constant", rate, SECOND, "any")
    assert len(found) == math.ceil(rate.gathered(SECOND))
    for number, at in enumerate(found):
        assert rate.gathered(at) <= number < rate.gathered(at + 1)


@calm
@given(start=levels, steps=stages, spacing=spacings, duration=st.integers(1, SECOND))
def test_a_ramp_is_sorted_bounded_and_replayable(start, steps, spacing, duration):
    rate = course(start, steps)
    found = ramp(spacing, rate, duration, "a seed")
    assert list(found) == sorted(found)
    assert all(0 <= at < duration for at in found)
    assert ramp(spacing, course(start, steps), duration, "a seed") == found
    longer = ramp(spacing, rate, 2 * duration, "a seed")
    assert longer[: len(found)] == found


@calm
@given(start=levels, steps=stages, spacing=spacings, of=st.integers(1, 9))
def test_the_hands_of_a_ramp_are_the_deck(start, steps, spacing, of):
    whole = ramp(spacing, course(start, steps), SECOND // 5, "seed")
    hands = [deal(whole, index, of) for index in range(of)]
    assert sorted(at for hand in hands for at in hand) == list(whole)
    assert max(map(len, hands)) - min(map(len, hands)) <= 1


@calm
@given(rate=st.floats(min_value=0.5, max_value=5000).map(lambda rate: round(rate, 3)))
@pytest.mark.parametrize("spacing", ["constant", "poisson"])
def test_a_flat_ramp_is_a_constant_rate(spacing, rate):
    flat = list(ramp(spacing, course(rate, [(0.1, rate)]), SECOND // 4, "seed"))
    even = list(plan(spacing, rate, SECOND // 4, "seed"))
    assert flat == pytest.approx(even, abs=2)


def test_poisson_counts_have_the_mean_and_the_variance_of_the_integral():
    """500 arrivals are due on a slope; 400 seeds: mean within 3 standard errors, and variance."""
    rate = course(0, [(1, 1000)])
    counts = [len(ramp("poisson", rate, SECOND, f"seed {number}")) for number in range(400)]
    mean = sum(counts) / len(counts)
    variance = sum((found - mean) ** 2 for found in counts) / (len(counts) - 1)
    assert mean == pytest.approx(500, abs=3 * math.sqrt(500 / len(counts)))
    assert variance == pytest.approx(500, rel=3 * math.sqrt(2 / len(counts)))


def test_poisson_arrivals_lie_where_the_rate_is():
    """On a slope from 0, a quarter of them come in the first half."""
    found = ramp("poisson", course(0, [(10, 2000)]), 10 * SECOND, "a seed")
    early = sum(at < 5 * SECOND for at in found) / len(found)
    assert early == pytest.approx(0.25, abs=0.015)


def test_other_seeds_other_ramps():
    rate = course(10, [(1, 100)])
    assert ramp("poisson", rate, SECOND, "1") != ramp("poisson", rate, SECOND, "2")


@calm
@given(start=levels, steps=stages, at=st.integers(0, 2 * SECOND))
def test_what_is_gathered_agrees_with_small_rectangles(start, steps, at):
    rate = course(start, steps)
    width = max(1, at // 2000)
    edges = [*range(0, at, width), at]
    rough = sum(_level(start, steps, (a + b) / 2) * (b - a) / SECOND for a, b in pairwise(edges))
    jumps = 2000 * len(steps) * width / SECOND  # a rectangle over a jump may be wrong by all of it
    assert float(rate.gathered(at)) == pytest.approx(rough, abs=1e-6 + jumps)


def _level(start, steps, at):
    for seconds, target in steps:
        length = courses.nanoseconds(seconds)
        if at < length:
            return start + (target - start) * at / length
        at, start = at - length, target
    return start


@calm
@given(
    start=st.integers(0, 40),
    steps=st.lists(st.tuples(lengths, st.integers(0, 40)), max_size=5),
    of=st.integers(1, 7),
)
def test_a_crowd_reaches_each_target_and_its_shares_sum_to_it(start, steps, of):
    found = list(crowd(start, steps))
    instants = [at for at, _ in found]
    assert instants == sorted(instants)
    end = 0
    for seconds, target in steps:
        end += courses.nanoseconds(seconds)
        assert any(active == target for at, active in found if at <= end)
    assert found[-1][1] == (steps[-1][1] if steps else start)
    assert found[-1][0] <= end
    for _, active in found:
        assert sum(split(active, index, of) for index in range(of)) == active


def test_reach_ends_where_nothing_more_is_gathered():
    ended = course(2, [(1, 0)])
    assert list(islice(ended.reach(count(0, ONE)), 10)) == [0]
    assert list(ended.reach(count(ONE, ONE))) == []
