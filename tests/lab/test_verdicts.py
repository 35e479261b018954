"""Each rule against its table, the looks, the cells of a claim, the claims of a run."""

import itertools
import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.decision import first_decision
from lab.stats.growth import GrowthClass
from lab.stats.signed_rank import interval, p_value
from lab.verdicts import (
    ALPHA,
    LOOK_ALPHA,
    LOOKS,
    Decision,
    Outcome,
    Scale,
    Sense,
    adjust,
    combine,
    judge_crossover,
    judge_difference,
    judge_growth,
    judge_probe,
    judge_ratio,
    judge_slope,
    needed_blocks,
)

M = 1.25
E = math.log(M)
BOUNDS = (-2 * E, -1.5 * E, -E, -0.5 * E, 0.0, 0.5 * E, E, 1.5 * E, 2 * E)


def spanning(low, high, blocks=12):
    """Blocks whose interval is exactly [low, high]: half of them at either end."""
    return [low, high] * (blocks // 2)


def from_the_method(low, high, sense):
    """The table of docs/method.md, section 3, row by row."""
    rows = [
        (low > E, ("supported", "refuted", "refuted")),
        (high < -E, ("refuted", "refuted", "supported")),
        (low > -E and high < E, ("refuted", "supported", "supported")),
        (low <= -E <= high < E, ("refuted", "inconclusive", "supported")),
        (True, ("inconclusive", "inconclusive", "inconclusive")),
    ]
    column = {"at-least": 0, "about": 1, "below": 2}[sense]
    return next(verdicts[column] for applies, verdicts in rows if applies)


@pytest.mark.parametrize("sense", Sense)
@pytest.mark.parametrize(("low", "high"), list(itertools.combinations_with_replacement(BOUNDS, 2)))
def test_the_three_sided_table(low, high, sense):
    d = spanning(low, high)
    assert interval(d, LOOK_ALPHA) == (low, high)
    decision = judge_ratio(d, sense, M)
    assert decision.outcome == from_the_method(low, high, sense)
    assert (decision.low, decision.high) == pytest.approx((math.exp(low), math.exp(high)))
    assert decision.negligible is (low > -E and high < E)
    assert decision.scale is Scale.RATIO


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (1.5 * E, 2 * E, "lies above 1.25."),
        (-2 * E, -1.5 * E, "lies below 1/1.25: the opposite holds."),
        (0, 0.5 * E, "lies between 1/1.25 and 1.25: the difference is negligible."),
        (-1.5 * E, 0, "lies below 1.25: negligible or opposite, which of the two is open."),
    ],
)
def test_reasons_of_a_decided_ratio(low, high, words):
    assert judge_ratio(spanning(low, high), Sense.AT_LEAST, M).reason.endswith(words)


@pytest.mark.parametrize(
    ("low", "high", "sense", "words"),
    [
        (0, 1.8 * E, Sense.ABOUT, "reaches across 1.25;"),
        (-1.8 * E, 0, Sense.ABOUT, "reaches across 1/1.25;"),
        (-1.5 * E, 1.8 * E, Sense.ABOUT, "reaches across 1/1.25 and 1.25;"),
        (-1.5 * E, 1.8 * E, Sense.BELOW, "reaches across 1.25;"),
    ],
)
def test_an_open_ratio_says_which_side_is_open(low, high, sense, words):
    assert words in judge_ratio(spanning(low, high), sense, M).reason


def test_needed_blocks_by_hand():
    # sd of ten 0 and ten 2 is sqrt(20/19); estimate 1, gap |1 - ln 3|
    d = [0.0, 2.0] * 10
    gap = math.log(3) - 1
    assert needed_blocks(d, Sense.BELOW, 3.0) == math.ceil(2.6**2 * (20 / 19) / gap**2)
    assert needed_blocks(d, Sense.ABOUT, 3.0) == needed_blocks(d, Sense.AT_LEAST, 3.0)
    mirrored = [-value for value in d]  # only "about" has a margin at 1/3
    assert needed_blocks(mirrored, Sense.ABOUT, 3.0) == needed_blocks(d, Sense.ABOUT, 3.0)
    assert needed_blocks(mirrored, Sense.BELOW, 3.0) == 21  # any more than there are
    assert needed_blocks([0.1], Sense.BELOW, 3.0) is None
    assert needed_blocks([E] * 8, Sense.BELOW, M) is None  # on the margin: never


def test_the_planner_says_when_the_planned_blocks_cannot_decide():
    decision = judge_ratio(spanning(0.9 * E, 1.2 * E), Sense.AT_LEAST, M)
    assert decision.outcome is Outcome.INCONCLUSIVE
    assert decision.needed_blocks == needed_blocks(spanning(0.9 * E, 1.2 * E), Sense.AT_LEAST, M)
    far = judge_ratio(spanning(0, 1.5 * E), Sense.AT_LEAST, M)
    assert 30 < far.needed_blocks <= 300
    assert far.reason.endswith("more than the 30 planned.")
    on_it = judge_ratio(spanning(0, 1.95 * E), Sense.AT_LEAST, M)
    assert on_it.needed_blocks > 300
    assert on_it.reason.endswith("too close to it for any number of blocks to decide.")


@pytest.mark.parametrize("sense", Sense)
def test_numbers_printed_with_a_ratio(sense):
    d = [0.5, 0.4, -0.1, 0.3, 0.35, 0.45, 0.2, 0.0, 0.6, 0.55, 0.15, 0.25]
    decision = judge_ratio(d, sense, M)
    assert (decision.blocks, decision.looks_taken) == (12, 1)
    assert decision.won == 10 / 12  # a tie is not won
    up, down = p_value(d, E, "greater"), p_value(d, E, "less")
    about = (max(down, p_value(d, -E, "greater")), min(up, p_value(d, -E, "less")))
    p = min(about) if sense is Sense.ABOUT else min(up, down)
    assert decision.p == min(1.0, 4 * p)


@pytest.mark.parametrize(
    ("centre", "sense", "shift", "alternative"),
    [
        (0.6, Sense.AT_LEAST, E, "greater"),
        (0.0, Sense.AT_LEAST, E, "less"),
        (0.0, Sense.BELOW, E, "less"),
        (0.6, Sense.BELOW, E, "greater"),
        (0.6, Sense.ABOUT, E, "greater"),
        (-0.6, Sense.ABOUT, -E, "less"),
        (0.1, Sense.ABOUT, E, "less"),
        (-0.1, Sense.ABOUT, -E, "greater"),
    ],
)
def test_the_decisive_p_is_that_of_the_outcome(centre, sense, shift, alternative):
    d = [centre + 0.02 * step for step in range(-6, 6)]
    decision = judge_ratio(d, sense, M)
    assert decision.is_decided
    assert decision.p == 4 * p_value(d, shift, alternative)


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=12, max_size=32), st.sampled_from(Sense))
def test_a_claim_alone_is_never_overturned(d, sense):
    decision = judge_ratio(d, sense, M)
    assert 0 <= decision.p <= 1
    assert decision.p <= ALPHA or not decision.is_decided


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=12, max_size=30))
def test_at_least_and_below_are_each_other_s_opposite(d):
    opposite = {Outcome.SUPPORTED: Outcome.REFUTED, Outcome.REFUTED: Outcome.SUPPORTED}
    one, other = (judge_ratio(d, sense, M) for sense in (Sense.AT_LEAST, Sense.BELOW))
    assert other.outcome is opposite.get(one.outcome, Outcome.INCONCLUSIVE)
    assert (one.p, one.estimate, one.blocks) == (other.p, other.estimate, other.blocks)


def test_neighbouring_blocks_that_are_alike_are_marked():
    rising = [0.01 * step for step in range(12)]
    assert judge_ratio(rising, Sense.BELOW, M).autocorrelated
    in_pairs = [0.1, 0.1, -0.1, -0.1] * 3  # six like neighbours, five unlike: r1 = 1/12
    assert not judge_ratio(in_pairs, Sense.BELOW, M).autocorrelated


# -- looks ------------------------------------------------------------------------------------


def test_the_looks_share_alpha():
    assert LOOKS == (12, 18, 24, 30)
    assert len(LOOKS) * LOOK_ALPHA == ALPHA == 0.05


def test_blocks_after_the_deciding_look_do_not_count():
    decided = spanning(1.5 * E, 2 * E)
    for later in ([], [-5.0] * 3, [-5.0] * 18):
        decision = judge_ratio(decided + later, Sense.AT_LEAST, M)
        assert decision == judge_ratio(decided, Sense.AT_LEAST, M)


@pytest.mark.parametrize(
    ("blocks", "used", "taken"),
    [(12, 12, 1), (17, 12, 1), (18, 18, 2), (29, 24, 3), (60, 30, 4)],
)
def test_an_open_claim_waits_for_the_next_look(blocks, used, taken):
    decision = judge_ratio(spanning(0.0, 2 * E, blocks=60)[:blocks], Sense.AT_LEAST, M)
    assert decision.outcome is Outcome.INCONCLUSIVE
    assert (decision.blocks, decision.looks_taken) == (used, taken)


def test_a_later_look_may_decide():
    d = spanning(0.6 * E, 1.6 * E) + [1.6 * E] * 18
    decision = judge_ratio(d, Sense.AT_LEAST, M)
    assert decision.outcome is Outcome.SUPPORTED
    assert decision.looks_taken > 1
    assert decision.blocks == LOOKS[decision.looks_taken - 1]
    earlier = judge_ratio(d[: decision.blocks - 1], Sense.AT_LEAST, M)
    assert earlier.outcome is Outcome.INCONCLUSIVE


def test_the_quick_profile_uses_the_same_level():
    d = spanning(1.5 * E, 2 * E, blocks=30)
    quick = judge_ratio(d, Sense.AT_LEAST, M, looks=LOOKS[:1])
    assert quick == judge_ratio(d, Sense.AT_LEAST, M)


@pytest.mark.parametrize("blocks", [0, 1, 7, 11])
def test_before_the_first_look_nothing_is_decided(blocks):
    decision = judge_ratio([2 * E] * blocks, Sense.AT_LEAST, M)
    assert decision.outcome is Outcome.INCONCLUSIVE
    assert decision.reason.startswith(f"{blocks} of 12 blocks")
    assert (decision.p, decision.looks_taken, decision.blocks) == (None, 0, blocks)
    assert (decision.estimate is None) is (blocks == 0)


@pytest.mark.parametrize("looks", [(), (18, 12), (12, 12), (0, 12)])
def test_looks_must_be_ascending_numbers_of_blocks(looks):
    with pytest.raises(ValueError, match="looks"):
        first_decision(12, looks, lambda _: Decision(Outcome.SUPPORTED, "."))


@pytest.mark.parametrize("m", [1.0, 0.9, -1.0, math.nan, math.inf])
def test_a_margin_is_above_1(m):
    with pytest.raises(ValueError, match="margin"):
        judge_ratio([0.0] * 12, Sense.ABOUT, m)


def test_numbers_that_are_none_are_refused_even_after_the_last_look():
    with pytest.raises(ValueError, match=r"d\[40\] is nan"):
        judge_ratio([0.0] * 40 + [math.nan], Sense.ABOUT, M)


def test_a_sense_may_come_as_it_is_written_in_a_file():
    assert judge_ratio([0.0] * 12, "about", M).outcome is Outcome.SUPPORTED
    with pytest.raises(ValueError, match="roughly"):
        judge_ratio([0.0] * 12, "roughly", M)


# -- growth, slopes, differences, crossovers, probes --------------------------------------------

LEVELS = [10, 250, 500, 900]


def rows(curve, blocks=12):
    return [[(1 + 0.01 * block) * curve(x) for x in LEVELS] for block in range(blocks)]


@pytest.mark.parametrize(
    ("curve", "outcome"),
    [
        (lambda x: 100 + x, Outcome.SUPPORTED),
        (lambda x: 100 + x * x / 1000, Outcome.REFUTED),
        (lambda _: 100, Outcome.REFUTED),
        (lambda x: 100 + 0.04 * x, Outcome.INCONCLUSIVE),
    ],
)
def test_growth(curve, outcome):
    decision = judge_growth(LEVELS, rows(curve), GrowthClass.LINEAR)
    assert decision.outcome is outcome
    assert decision.estimate == pytest.approx(curve(900) / curve(10))
    assert (decision.p, decision.scale, decision.blocks) == (None, Scale.RATIO, 12)


def test_a_slight_bend_that_may_lie_inside_the_margin_refutes_no_line():
    """D surely below 0, but not surely inside or beyond -0.15."""
    levels = [0, 50, 100]
    rng = random.Random(3)
    bends = [0.13 + 0.08 * rng.uniform(-1, 1) for _ in range(12)]
    blocks = [[10.0, 10.0 + 90.0 * (0.5 - bend), 100.0] for bend in bends]
    slight = judge_growth(levels, blocks, GrowthClass.LINEAR)
    assert slight.reason.startswith("Superlinear")
    assert slight.outcome is Outcome.INCONCLUSIVE
    assert "counts as straight" in slight.reason
    assert judge_growth(levels, blocks, GrowthClass.SUPERLINEAR).outcome is Outcome.SUPPORTED
    strong = [[10.0, 10.0 + 90.0 * (0.3 - bend), 100.0] for bend in bends]
    assert judge_growth(levels, strong, GrowthClass.LINEAR).outcome is Outcome.REFUTED


def test_what_surely_grows_is_not_constant_even_where_no_bend_could_be_seen():
    levels = [64, 16384, 131072, 1048576]  # inner levels at the low end: no D means anything
    blocks = [[(1 + 0.01 * block) * (20 + x / 3000) for x in levels] for block in range(12)]
    found = judge_growth(levels, blocks, GrowthClass.CONSTANT)
    assert found.outcome is Outcome.REFUTED
    assert found.reason.startswith("Not constant")
    assert judge_growth(levels, blocks, GrowthClass.LINEAR).outcome is Outcome.INCONCLUSIVE
    hardly = [[(1 + 0.01 * block) * (100 + x / 35000) for x in levels] for block in range(12)]
    assert judge_growth(levels, hardly, GrowthClass.CONSTANT).outcome is Outcome.INCONCLUSIVE


def test_growth_goes_through_the_looks():
    few = judge_growth(LEVELS, rows(lambda x: 100 + x, blocks=9), GrowthClass.LINEAR)
    assert few.outcome is Outcome.INCONCLUSIVE
    assert few.reason.startswith("9 of 12 blocks")
    assert judge_growth(LEVELS, [], GrowthClass.LINEAR).blocks == 0


@pytest.mark.parametrize(
    ("fraction", "outcome"),
    [(0.1, Outcome.SUPPORTED), (0.04, Outcome.REFUTED), (0.05, Outcome.INCONCLUSIVE)],
)
def test_slope_at_most_a_fraction(fraction, outcome):
    rng = random.Random(6)
    flat, steep = (
        [[100 + slope * x + rng.gauss(0, 0.5) for x in LEVELS] for _ in range(12)]
        for slope in (0.05, 1.0)
    )
    decision = judge_slope(LEVELS, flat, steep, fraction)
    assert decision.outcome is outcome
    assert decision.scale is Scale.DIFFERENCE
    assert decision.estimate == pytest.approx(0.05 - fraction, abs=0.001)
    assert (decision.p <= ALPHA) is decision.is_decided


@pytest.mark.parametrize(
    ("least", "outcome"),
    [(0.5, Outcome.SUPPORTED), (0.85, Outcome.INCONCLUSIVE), (1.2, Outcome.REFUTED)],
)
def test_difference_of_metrics_that_may_be_zero(least, outcome):
    decision = judge_difference([0.8, 0.9] * 6, least)
    assert decision.outcome is outcome
    assert (decision.low, decision.high) == (0.8, 0.9)


@pytest.mark.parametrize(
    ("centres", "outcome"),
    [
        ([-0.5, -0.3, 0.3, 0.5], Outcome.SUPPORTED),
        ([-0.5, -0.3, -0.3, -0.5], Outcome.REFUTED),
        ([0.5, 0.3, 0.3, 0.5], Outcome.REFUTED),
        ([0.5, 0.3, -0.3, -0.5], Outcome.REFUTED),
        ([-0.5, -0.3, -0.3, 0.0], Outcome.INCONCLUSIVE),
        ([0.0, 0.0, 0.0, 0.0], Outcome.INCONCLUSIVE),
        ([-0.5, 0.5, -0.5, 0.5], Outcome.INCONCLUSIVE),
    ],
)
def test_crossover(centres, outcome):
    blocks = [[centre + 0.01 * (block - 5.5) for centre in centres] for block in range(12)]
    decision = judge_crossover(LEVELS, blocks)
    assert decision.outcome is outcome
    if outcome is Outcome.SUPPORTED:
        assert 250 < decision.low < decision.estimate < decision.high < 500
    moved = [[value + E for value in row] for row in blocks]
    assert judge_crossover(LEVELS, moved, M).outcome is outcome


def test_crossover_needs_a_ratio_to_cross():
    with pytest.raises(ValueError, match="m"):
        judge_crossover(LEVELS, [], m=0)


@pytest.mark.parametrize(
    ("outcomes", "controls", "outcome"),
    [
        ([True] * 3, [True] * 3, Outcome.SUPPORTED),
        ([False] * 3, [True] * 3, Outcome.REFUTED),
        ([True, True, False], [True] * 3, Outcome.INCONCLUSIVE),
        ([True] * 3, [True, False, True], Outcome.INCONCLUSIVE),
        ([False] * 3, [False] * 3, Outcome.INCONCLUSIVE),
        ([True] * 2, [True] * 2, Outcome.INCONCLUSIVE),
        ([], [], Outcome.INCONCLUSIVE),
        ([True] * 3, [], Outcome.SUPPORTED),
    ],
)
def test_probe(outcomes, controls, outcome):
    decision = judge_probe(outcomes, controls)
    assert decision.outcome is outcome
    assert (decision.p, decision.blocks) == (None, len(outcomes))


# -- cells and families -------------------------------------------------------------------------


def cell(outcome, p=0.01):
    return Decision(outcome, f"{outcome} alone.", p=p)


def test_precedence_of_cells():
    words = ("refuted", "skipped", "void", "inconclusive", "supported")
    order = [Outcome(word) for word in words]
    for first, second in itertools.combinations_with_replacement(order, 2):
        for pair in ((first, second), (second, first)):
            cells = {str(number): cell(outcome) for number, outcome in enumerate(pair)}
            assert combine(cells).outcome is first


def test_one_cell_is_its_own_verdict():
    alone = cell(Outcome.SUPPORTED)
    assert combine({"n=1": alone}) == alone


def test_all_must_hold_takes_the_weakest_cell():
    cells = {"n=1": cell(Outcome.SUPPORTED, 0.001), "n=4": cell(Outcome.SUPPORTED, 0.02)}
    both = combine(cells)
    assert (both.outcome, both.p) == (Outcome.SUPPORTED, 0.02)
    assert both.reason == "2 of 2 cells supported; n=4: supported alone."


def test_a_refuting_cell_takes_the_clearest():
    cells = {
        "n=1": cell(Outcome.REFUTED, 0.02),
        "n=2": cell(Outcome.REFUTED, 0.001),
        "n=4": cell(Outcome.SUPPORTED, 0.0001),
    }
    decision = combine(cells)
    assert (decision.p, decision.conditional) == (0.001, False)
    assert decision.reason == "2 of 3 cells refuted; n=2: refuted alone."


def test_opposite_verdicts_in_declared_cells_are_conditional():
    cells = {
        "n=1": cell(Outcome.REFUTED),
        "n=4": cell(Outcome.SUPPORTED),
        "n=8": cell(Outcome.VOID, None),
    }
    decision = combine(cells, conditional=["n=1", "n=4"])
    assert (decision.outcome, decision.conditional) == (Outcome.REFUTED, True)
    assert decision.reason == "Conditional: holds in n=4, not in n=1."
    assert not combine(cells, conditional=["n=1", "n=8"]).conditional


def test_a_cell_without_p_leaves_the_claim_without():
    assert combine({"a": cell(Outcome.SUPPORTED), "b": cell(Outcome.SUPPORTED, None)}).p is None


def test_nothing_cannot_be_combined():
    with pytest.raises(ValueError, match="No cells"):
        combine({})


FAMILY = {
    "weak": cell(Outcome.SUPPORTED, 0.04),
    "strong": cell(Outcome.REFUTED, 0.001),
    "open": cell(Outcome.INCONCLUSIVE, 0.5),
    "probe": cell(Outcome.SUPPORTED, None),
    "void": cell(Outcome.VOID, None),
}


@pytest.mark.parametrize(("method", "weak"), [("bh", 0.04 * 3 / 2), ("holm", 0.04 * 2)])
def test_a_weak_claim_in_a_family_becomes_inconclusive(method, weak):
    adjusted = adjust(FAMILY, method)
    assert list(adjusted) == list(FAMILY)
    assert adjusted["weak"].adjusted == pytest.approx(weak)
    assert adjusted["weak"].raw == 0.04
    assert adjusted["weak"].overturned
    assert adjusted["weak"].decision.outcome is Outcome.INCONCLUSIVE
    assert adjusted["weak"].decision.reason.startswith("Multiplicity: supported on its own")
    assert adjusted["strong"].adjusted == pytest.approx(0.003)
    for name in ("strong", "open", "probe", "void"):
        assert adjusted[name].decision is FAMILY[name]
        assert not adjusted[name].overturned


def test_claims_without_p_stay_out_of_the_family():
    adjusted = adjust({name: FAMILY[name] for name in ("weak", "probe", "void")})
    assert adjusted["weak"].adjusted == 0.04
    assert adjusted["probe"].adjusted is None
    assert not adjusted["weak"].overturned


def test_the_family_does_not_depend_on_outcomes():
    undecided = {name: replace(c, outcome=Outcome.INCONCLUSIVE) for name, c in FAMILY.items()}
    ours, theirs = adjust(FAMILY), adjust(undecided)
    assert [a.adjusted for a in ours.values()] == [a.adjusted for a in theirs.values()]
