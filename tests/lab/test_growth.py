"""Growth classes: by hand where a curve is exact, by simulation where it is noisy."""

import math
import random

import numpy as np
import pytest

from lab.stats.growth import (
    GrowthClass,
    classify,
    slope_at_most,
    slope_differences,
)
from lab.stats.signed_rank import interval

LEVELS = [10, 250, 500, 900]  # the watched descriptors of the select and poll claims
CURVES = {
    GrowthClass.CONSTANT: lambda x: 100.0,
    GrowthClass.LINEAR: lambda x: 100.0 + x,
    GrowthClass.SUBLINEAR: lambda x: 10.0 + 30 * math.sqrt(x),
    GrowthClass.SUPERLINEAR: lambda x: 100.0 + x * x / 1000,
}


def spread(curve, levels=LEVELS, blocks=12):
    """Blocks that differ by a factor, 0.95 to 1.05: growth and D are the same in each."""
    factors = [0.95 + 0.1 * number / (blocks - 1) for number in range(blocks)]
    return [[factor * curve(x) for x in levels] for factor in factors]


def noisy(curve, rng, sd, levels=LEVELS, blocks=12):
    return [[curve(x) * math.exp(rng.gauss(0, sd)) for x in levels] for _ in range(blocks)]


@pytest.mark.parametrize(("kind", "curve"), CURVES.items())
def test_exact_curves(kind, curve):
    growth = classify(LEVELS, spread(curve), 0.05)
    assert growth.kind is kind
    assert growth.blocks == 12
    assert growth.end_to_end == pytest.approx((curve(900) / curve(10),) * 3)


def test_straightness_by_hand():
    # y 1, 2, 4 over x 0, 1, 2: (2-1)/(4-1) - 1/2 = -1/6, slope 3/2
    growth = classify([0, 1, 2], [[1, 2, 4]] * 8, 0.05)
    assert growth.straightness == pytest.approx((-1 / 6,) * 3)
    assert growth.slope == pytest.approx((1.5,) * 3)
    assert growth.kind is GrowthClass.SUPERLINEAR
    assert growth.why.startswith("4 times end to end (4 to 4), D -0.17 (-0.17 to -0.17) below 0")


def test_slopes_equal_numpy():
    rng = random.Random(3)
    a, b = (noisy(CURVES[GrowthClass.LINEAR], rng, 0.2, blocks=9) for _ in range(2))
    theirs = (
        np.polyfit(LEVELS, np.transpose(a), 1)[0] - 0.1 * np.polyfit(LEVELS, np.transpose(b), 1)[0]
    )
    assert slope_differences(LEVELS, a, b, 0.1) == pytest.approx(list(theirs), rel=1e-10)
    assert slope_at_most(LEVELS, a, b, 0.1, 0.05)[1:] == pytest.approx(interval(theirs, 0.05))


def test_slope_at_most_a_tenth():
    steep, flat = spread(lambda x: 100 + x), spread(lambda x: 100 + 0.05 * x)
    assert slope_at_most(LEVELS, flat, steep, 0.1, 0.0125).high < 0
    assert slope_at_most(LEVELS, flat, steep, 0.04, 0.0125).low > 0
    assert slope_at_most(LEVELS, steep, flat, 0.1, 0.0125).low > 0


@pytest.mark.parametrize(
    ("ratio", "kind"),
    [
        (0.81, GrowthClass.CONSTANT),
        (1.24, GrowthClass.CONSTANT),
        (1.26, GrowthClass.INCONCLUSIVE),
        (1.49, GrowthClass.INCONCLUSIVE),
        (1.51, GrowthClass.LINEAR),
        (0.79, GrowthClass.INCONCLUSIVE),
        (0.5, GrowthClass.INCONCLUSIVE),
    ],
)
def test_the_bounds_of_flat_and_growing(ratio, kind):
    rows = spread(lambda x: 1 + (ratio - 1) * (x - 10) / 890)
    assert classify(LEVELS, rows, 0.05).kind is kind


@pytest.mark.parametrize(
    ("bend", "kind"),
    [
        (0.14, GrowthClass.LINEAR),
        (0.16, GrowthClass.SUBLINEAR),
        (-0.14, GrowthClass.LINEAR),
        (-0.16, GrowthClass.SUPERLINEAR),
    ],
)
def test_the_bounds_of_straight(bend, kind):
    rows = [[1.0, 1 + 4 * (0.5 + bend), 5.0]] * 8
    assert classify([0, 1, 2], rows, 0.05).kind is kind


def test_a_bend_that_may_be_none_or_large_is_open():
    rows = [[1.0, 1 + 4 * (0.5 + bend), 5.0] for bend in (-0.1, 0.3) * 6]
    assert classify([0, 1, 2], rows, 0.05).kind is GrowthClass.INCONCLUSIVE


def test_a_flat_block_has_no_straightness():
    flat = classify([0, 1, 2], [[1.0, 1.0, 1.05]] * 8, 0.05)
    assert flat.straightness is None
    assert flat.kind is GrowthClass.CONSTANT
    mixed = classify([0, 1, 2], [[1.0, 1.0, 1.05], *[[1.0, 2.0, 3.0]] * 7], 0.05)
    assert mixed.straightness.estimate == 0.0  # of the seven that have one


def test_two_levels_cannot_show_a_line():
    growth = classify([1, 10], [[1.0, 10.0]] * 8, 0.05)
    assert growth.straightness is None
    assert growth.kind is GrowthClass.INCONCLUSIVE


@pytest.mark.parametrize("kind", [GrowthClass.LINEAR, GrowthClass.SUPERLINEAR])
def test_levels_that_hide_a_bend_never_prove_a_line(kind):
    # all inner levels sit at the low end: every convex curve has -0.06 < D <= 0
    levels = [1, 10, 100, 1000]
    growth = classify(levels, spread(CURVES[kind], levels), 0.05)
    assert abs(growth.straightness.estimate) < 0.06
    assert growth.kind is not GrowthClass.LINEAR


def test_a_zigzag_that_ends_high_does_not_grow():
    growth = classify([0, 1, 2, 3], [[1.0, 10.0, 0.1, 1.6]] * 8, 0.05)
    assert growth.end_to_end.low > 1.5
    assert growth.slope.high < 0
    assert growth.kind is GrowthClass.INCONCLUSIVE


def test_too_few_blocks_are_open():
    assert classify(LEVELS, spread(CURVES[GrowthClass.LINEAR], blocks=5), 0.05).kind is (
        GrowthClass.INCONCLUSIVE
    )


@pytest.mark.parametrize("sd", [0.03, 0.05, 0.10])
@pytest.mark.parametrize("levels", [LEVELS, [0, 250, 500, 750, 1000]])
@pytest.mark.parametrize(("kind", "curve"), CURVES.items())
def test_noisy_curves_get_the_right_class(kind, curve, levels, sd):
    rng = random.Random(7)
    kinds = [classify(levels, noisy(curve, rng, sd, levels), 0.0125).kind for _ in range(200)]
    assert kinds.count(kind) >= 0.95 * len(kinds)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_values_without_a_ratio_are_refused(bad):
    with pytest.raises(ValueError, match=r"block 1\[2\] is"):
        classify([1, 2, 3], [[1, 2, 3], [1, 2, bad]], 0.05)


@pytest.mark.parametrize("levels", [[1], [2, 1], [1, 1], []])
def test_levels_must_ascend(levels):
    with pytest.raises(ValueError, match="ascending"):
        classify(levels, [[1.0] * len(levels)], 0.05)


def test_ragged_and_unpaired_blocks_are_refused():
    with pytest.raises(ValueError, match="Block 1 has 2 values for 3 levels"):
        classify([1, 2, 3], [[1, 2, 3], [1, 2]], 0.05)
    with pytest.raises(ValueError, match="paired"):
        slope_differences([1, 2], [[1, 2]], [], 0.1)
