"""Adjusted p values and Fisher's exact test against statsmodels and scipy."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from lab.stats.multiplicity import benjamini_hochberg, holm
from lab.stats.tables import fisher_exact

PAIRS = [(benjamini_hochberg, "fdr_bh"), (holm, "holm")]
FAMILIES = st.lists(st.floats(0, 1), min_size=1, max_size=60)


@pytest.mark.parametrize(("ours", "name"), PAIRS)
@settings(deadline=None, max_examples=30)  # statsmodels collects garbage in each call
@given(p=FAMILIES)
def test_adjusted_p_equal_statsmodels(ours, name, p):
    assert ours(p) == pytest.approx(list(multipletests(p, method=name)[1]), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(("ours", "name"), PAIRS)
def test_ties_and_extremes_equal_statsmodels(ours, name):
    p = [0.01, 0.04, 0.01, 1.0, 0.0, 0.04, 0.03]
    assert ours(p) == pytest.approx(list(multipletests(p, method=name)[1]), rel=1e-12)


def test_worked_by_hand():
    p = [0.04, 0.01, 0.03]
    # BH: .01*3/1, .03*3/2, .04*3/3, running minimum from the top
    assert benjamini_hochberg(p) == pytest.approx([0.04, 0.03, 0.04])
    # Holm: .01*3, .03*2, .04*1, running maximum from the bottom
    assert holm(p) == pytest.approx([0.06, 0.03, 0.06])


@pytest.mark.parametrize("ours", [benjamini_hochberg, holm])
def test_a_family_of_none_or_one_is_left_alone(ours):
    assert ours([]) == []
    assert ours([0.03]) == [0.03]


@pytest.mark.parametrize("ours", [benjamini_hochberg, holm])
@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_what_is_no_probability_is_refused(ours, bad):
    with pytest.raises(ValueError, match=r"p\[1\]"):
        ours([0.5, bad])


def test_fisher_equals_scipy():
    rng = random.Random(5)
    for _ in range(300):
        a, b, c, d = (rng.randint(0, 40) for _ in range(4))
        theirs = stats.fisher_exact([[a, b], [c, d]]).pvalue
        assert fisher_exact(a, b, c, d) == pytest.approx(theirs, abs=1e-12), (a, b, c, d)


def test_the_lady_tasting_tea():
    # Fisher, The Design of Experiments, chapter 2: 3 of 4 cups right, (16 + 1) / 70 on one side
    assert fisher_exact(3, 1, 1, 3) == pytest.approx(34 / 70)
    assert fisher_exact(4, 0, 0, 4) == pytest.approx(2 / 70)


def test_equal_void_rates_are_no_evidence_and_all_against_none_is():
    assert fisher_exact(0, 0, 0, 0) == 1.0
    assert fisher_exact(3, 27, 3, 27) == 1.0
    assert fisher_exact(12, 18, 0, 30) < 0.01


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match="negative"):
        fisher_exact(1, -1, 2, 3)
