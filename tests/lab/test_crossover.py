"""The crossover's interval is the set it claims to be, and covers the truth as often."""

import itertools
import math
import random

import numpy as np
import pytest

from lab.stats.crossover import CrossoverState, find
from lab.stats.signed_rank import estimate, interval

LEVELS = [0, 1, 10, 100, 1000]
OFFSETS = [-0.12, -0.08, -0.05, -0.03, -0.01, 0.01, 0.03, 0.05, 0.08, 0.12]  # symmetric, 10 blocks


def shifted(centres):
    """Blocks around the centres whose interval at 5 % is centre +- the same half-width."""
    return [[centre + offset for centre in centres] for offset in OFFSETS]


def noisy(centres, rng, sd, blocks=12):
    return [[rng.gauss(centre, sd) for centre in centres] for _ in range(blocks)]


def at(blocks, x, levels=LEVELS):
    """The log ratio of each block at x, drawn by somebody else."""
    return [float(np.interp(np.log1p(x), np.log1p(levels), row)) for row in blocks]


@pytest.mark.parametrize("threshold", [0.0, math.log(1.1)])
def test_a_rising_ratio_is_found_where_its_median_crosses(threshold):
    blocks = shifted([threshold + v for v in (-0.6, -0.4, -0.2, 0.4, 0.5)])
    found = find(LEVELS, blocks, 0.05, threshold)
    assert found.state is CrossoverState.FOUND
    assert found.is_decided
    # a third of the way from ln 11 to ln 101
    assert math.log1p(found.estimate) == pytest.approx(math.log(11) + math.log(101 / 11) / 3)
    assert estimate(at(blocks, found.estimate)) == pytest.approx(threshold, abs=1e-12)
    low, high = interval(OFFSETS, 0.05)
    slope = 0.6 / math.log(101 / 11)
    assert math.log1p(found.low) == pytest.approx(math.log1p(found.estimate) - high / slope)
    assert math.log1p(found.high) == pytest.approx(math.log1p(found.estimate) - low / slope)


STATES = [
    # centres at the five levels, state, is_decided, low is known, high is known
    ([-0.5, -0.5, -0.5, 0.5, 0.5], CrossoverState.FOUND, True, True, True),
    ([-0.5, -0.5, -0.5, -0.5, 0.02], CrossoverState.FOUND, False, True, False),
    ([-0.02, 0.5, 0.5, 0.5, 0.5], CrossoverState.FOUND, False, False, True),
    ([0.5, 0.5, 0.5, 0.5, 0.5], CrossoverState.BELOW_RANGE, True, False, True),
    ([-0.5, -0.5, -0.5, -0.5, -0.5], CrossoverState.ABOVE_RANGE, True, True, False),
    ([-0.5, -0.5, -0.5, -0.5, -0.02], CrossoverState.ABOVE_RANGE, False, True, False),
    ([0.02, 0.5, 0.5, 0.5, 0.5], CrossoverState.BELOW_RANGE, False, False, True),
    ([0.01, -0.01, 0.01, -0.01, 0.01], CrossoverState.NONE_IN_RANGE, False, False, False),
    ([0.5, 0.5, -0.5, -0.5, -0.5], CrossoverState.NONE_IN_RANGE, True, False, False),
    ([0.5, 0.5, 0.5, 0.5, 0.02], CrossoverState.NONE_IN_RANGE, False, False, False),
    ([-0.02, -0.5, -0.5, -0.5, -0.5], CrossoverState.NONE_IN_RANGE, False, False, False),
    ([-0.5, -0.5, -0.01, -0.5, -0.5], CrossoverState.NONE_IN_RANGE, False, False, False),
    ([-0.5, 0.5, -0.5, 0.5, 0.5], CrossoverState.NOT_MONOTONE, False, False, False),
    ([-0.5, 0.5, 0.5, 0.5, -0.5], CrossoverState.NOT_MONOTONE, False, False, False),
    ([0.0, 0.5, 0.5, 0.5, 0.0], CrossoverState.NOT_MONOTONE, False, False, False),
]


@pytest.mark.parametrize(("centres", "state", "is_decided", "low", "high"), STATES)
def test_states(centres, state, is_decided, low, high):
    found = find(LEVELS, shifted(centres), 0.05)
    assert (found.state, found.is_decided) == (state, is_decided)
    assert (found.low is not None, found.high is not None) == (low, high)
    assert (found.estimate is not None) is (state is CrossoverState.FOUND)
    assert found.why.endswith(".")


def test_outside_the_range_the_bound_is_the_outermost_level():
    assert find(LEVELS, shifted([-0.5] * 5), 0.05).low == 1000
    assert find(LEVELS, shifted([0.5] * 5), 0.05).high == 0


def test_the_levels_around_it_are_told():
    found = find(LEVELS, shifted([-0.5, -0.5, -0.5, 0.5, 0.5]), 0.05)
    assert found.why.endswith("between the levels 10 and 100).")


def grid_pieces(blocks, alpha, xs):
    inside = [low <= 0 <= high for low, high in (interval(at(blocks, x), alpha) for x in xs)]
    return inside, sum(is_in for is_in, _ in itertools.groupby(inside))


@pytest.mark.parametrize("seed", range(60))
def test_the_interval_is_exactly_the_set_of_levels_not_rejected(seed):
    rng = random.Random(seed)
    centres = sorted(rng.gauss(0, 0.4) for _ in LEVELS)
    if seed % 3 == 0:
        rng.shuffle(centres)
    blocks = noisy(centres, rng, 0.25, blocks=9 + seed % 4)
    xs = [math.expm1(math.log(1001) * step / 400) for step in range(401)]
    inside, pieces = grid_pieces(blocks, 0.05, xs)
    found = find(LEVELS, blocks, 0.05)
    if found.state is CrossoverState.NOT_MONOTONE:
        assert pieces > 1
        return
    assert pieces <= 1
    if found.state is CrossoverState.FOUND:
        low = -1 if found.low is None else found.low
        high = 1001 if found.high is None else found.high
        assert inside == [low <= x <= high for x in xs]
    elif found.state is not CrossoverState.NONE_IN_RANGE:
        assert any(inside) is not found.is_decided


def test_pieces_that_the_grid_sees_are_never_called_monotone():
    rng = random.Random(4)
    seen = 0
    for _ in range(60):
        blocks = noisy([rng.choice((-0.4, 0.4)) for _ in LEVELS], rng, 0.2, blocks=9)
        _, pieces = grid_pieces(
            blocks, 0.05, [math.expm1(math.log(1001) * s / 100) for s in range(101)]
        )
        if pieces > 1:
            seen += 1
            assert find(LEVELS, blocks, 0.05).state is CrossoverState.NOT_MONOTONE
    assert seen > 10


def test_the_interval_covers_the_crossing_as_often_as_it_says():
    rng = random.Random(8)
    centres = [-0.9, -0.7, -0.4, 0.4, 0.9]
    truth = math.sqrt(11 * 101) - 1  # midway from ln 11 to ln 101
    hits = 0
    for _ in range(400):
        found = find(LEVELS, noisy(centres, rng, 0.3), 0.05)
        low, high = found.low or -1, found.high or math.inf
        hits += found.state is CrossoverState.FOUND and low <= truth <= high
    assert hits >= (0.95 - 3 * math.sqrt(0.05 * 0.95 / 400)) * 400


def test_identical_blocks_give_a_point():
    found = find([0, 1], [[-1.0, 1.0]] * 8, 0.05)
    assert found.low == found.estimate == found.high == pytest.approx(math.sqrt(2) - 1)


def test_a_crossing_on_a_level_is_that_level():
    found = find(LEVELS, [[-1.0, -0.5, 0.0, 0.5, 1.0]] * 8, 0.05)
    assert (found.low, found.high) == (10, 10)
    assert found.estimate == pytest.approx(10)


@pytest.mark.parametrize("crossing", [20, 50, 200, 500])
def test_two_affine_costs_are_better_drawn_over_the_log_of_the_level(crossing):
    # A costs 1 + x per request, B 1 + crossing: select against epoll in one line
    ratios = [math.log((1 + x) / (1 + crossing)) for x in LEVELS]
    found = find(LEVELS, [ratios] * 8, 0.05).estimate
    straight = float(np.interp(0.0, ratios, LEVELS))
    assert abs(found - crossing) <= 1e-9 * crossing < abs(straight - crossing)
    # and with a fixed share that dilutes the slope
    diluted = [math.log((30 + x) / (30 + crossing)) for x in LEVELS]
    found = find(LEVELS, [diluted] * 8, 0.05).estimate
    assert 1 / 1.35 < found / crossing < 1.35


def test_too_few_blocks_are_open():
    found = find(LEVELS, shifted([-0.5, -0.5, -0.5, 0.5, 0.5])[:5], 0.05)
    assert (found.state, found.is_decided) == (CrossoverState.NONE_IN_RANGE, False)
    assert "5 blocks" in found.why


@pytest.mark.parametrize(
    ("levels", "blocks", "message"),
    [
        ([-1, 1], [[0.0, 1.0]], "counts"),
        ([1, 1], [[0.0, 1.0]], "ascending"),
        ([0, 1], [[0.0]], "one log ratio for each"),
        ([0, 1], [[0.0, math.nan]], r"block 0\[1\] is nan"),
    ],
)
def test_what_is_no_table_is_refused(levels, blocks, message):
    with pytest.raises(ValueError, match=message):
        find(levels, blocks, 0.05)
