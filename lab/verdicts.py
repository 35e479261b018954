"""The rules: numbers in, a Decision out. One rule per kind of claim.

Every rule takes one number (or one row over the levels) per block, in the order of the blocks, and
goes through the planned looks (lab.decision). What decides is part of the claim, declared before
data. Three files hold what is behind the names here: lab.decision (the answer and the looks),
lab.three_sided (ratios), lab.family (cells and claims together).
"""

import math
from collections.abc import Sequence

from lab import until
from lab.decision import (
    ALPHA,
    LOOK_ALPHA,
    LOOKS,
    Decision,
    Outcome,
    Scale,
    decisive_p,
    first_decision,
    is_autocorrelated,
)
from lab.family import Adjusted, adjust, combine
from lab.stats import crossover, growth
from lab.stats.growth import GrowthClass
from lab.stats.signed_rank import estimated, p_value
from lab.stats.values import finite, log_ratios, positive, share
from lab.three_sided import Sense, judge_ratio, needed_blocks

__all__ = [
    "ALPHA",
    "LOOKS",
    "LOOK_ALPHA",
    "Adjusted",
    "Decision",
    "GrowthClass",
    "Outcome",
    "Scale",
    "Sense",
    "adjust",
    "combine",
    "judge_crossover",
    "judge_difference",
    "judge_growth",
    "judge_probe",
    "judge_ratio",
    "judge_slope",
    "log_ratios",
    "needed_blocks",
]

REPEATS = 3  # identical outcomes that a probe needs


def judge_difference(
    differences: Sequence[float],
    least: float = 0.0,
    looks: Sequence[int] = LOOKS,
    *,
    above: bool = True,
    until_decided: bool = False,
) -> Decision:
    """Is A - B above (below) least? One difference per block, for metrics that may be zero."""
    found = finite(differences, "differences")
    rule = until.on_difference(found, least, above=above) if until_decided else None
    return first_decision(
        len(found), looks, lambda n: _difference(found[:n], least, above=above), rule
    )


def judge_slope(
    levels: Sequence[float],
    blocks_a: Sequence[Sequence[float]],
    blocks_b: Sequence[Sequence[float]],
    fraction: float,
    looks: Sequence[int] = LOOKS,
) -> Decision:
    """Is A's slope at most that fraction of B's? Supported where the difference is wholly < 0."""
    found = growth.slope_differences(levels, blocks_a, blocks_b, fraction)
    return judge_difference(found, 0.0, looks, above=False)


def judge_growth(
    levels: Sequence[float],
    blocks: Sequence[Sequence[float]],
    expected_class: GrowthClass,
    looks: Sequence[int] = LOOKS,
) -> Decision:
    """Does the metric grow as expected? Another class that is decided refutes. No p is defined."""
    return first_decision(
        len(blocks), looks, lambda n: _growth(levels, blocks[:n], GrowthClass(expected_class))
    )


def judge_crossover(
    levels: Sequence[float],
    blocks: Sequence[Sequence[float]],
    m: float = 1.0,
    looks: Sequence[int] = LOOKS,
) -> Decision:
    """Does A/B start to exceed m between the lowest and the highest level? blocks: ln(A/B).

    Supported where the crossing has a finite interval, refuted where the whole range lies surely
    on one side or the ratio surely falls through m instead.
    """
    threshold = math.log(positive([m], "m")[0])
    return first_decision(len(blocks), looks, lambda n: _crossover(levels, blocks[:n], threshold))


def judge_probe(outcomes: Sequence[bool], controls: Sequence[bool]) -> Decision:
    """Three identical outcomes decide, if every control behaved as declared.

    outcomes: did the sentence hold, per repeat. controls: did the control do what it must.
    """
    held = sum(outcomes)
    words = f"{held} of {len(outcomes)} repeats hold"
    outcome = Outcome.INCONCLUSIVE
    if len(outcomes) < REPEATS:
        reason = f"{len(outcomes)} of {REPEATS} repeats: too few."
    elif not all(controls):
        reason = f"{words}, but {controls.count(False)} of {len(controls)} controls misbehaved."
    elif held not in (0, len(outcomes)):
        reason = f"{words}: the outcome is not the same each time."
    else:
        outcome = Outcome.SUPPORTED if held else Outcome.REFUTED
        reason = f"{words}."
    return Decision(outcome, reason, blocks=len(outcomes), won=share(outcomes))


def _difference(d: Sequence[float], least: float, *, above: bool) -> Decision:
    """Is the difference wholly above (or below) least? Wholly on the other side refutes."""
    found = estimated(d, LOOK_ALPHA)
    larger, smaller = p_value(d, least, "greater"), p_value(d, least, "less")
    outcome = Outcome.INCONCLUSIVE
    where = f"reaches across {least:g}"
    if found.low > least or found.high < least:
        outcome = Outcome.SUPPORTED if (found.low > least) is above else Outcome.REFUTED
        where = f"lies {'above' if found.low > least else 'below'} {least:g}"
    return Decision(
        outcome,
        f"The interval {found.low:.3g} to {found.high:.3g} of the difference {where}.",
        Scale.DIFFERENCE,
        *found,
        p=decisive_p(outcome, *((larger, smaller) if above else (smaller, larger))),
        blocks=len(d),
        won=share([value > least for value in d]),
        autocorrelated=is_autocorrelated(d),
    )


def _growth(
    levels: Sequence[float], blocks: Sequence[Sequence[float]], expected: GrowthClass
) -> Decision:
    found = growth.classify(levels, blocks, LOOK_ALPHA)
    g = growth.end_to_end(blocks)
    outcome = Outcome.SUPPORTED if found.kind is expected else Outcome.REFUTED
    why = f"{found.kind.capitalize()}: {found.why}"
    if expected is GrowthClass.CONSTANT and found.grows:
        outcome = Outcome.REFUTED
        if found.kind is GrowthClass.INCONCLUSIVE:
            why = f"Not constant, though in what shape it grows is open: {found.why}"
    elif found.kind is GrowthClass.INCONCLUSIVE:
        outcome = Outcome.INCONCLUSIVE
    elif expected is GrowthClass.LINEAR and outcome is Outcome.REFUTED and _may_be_straight(found):
        outcome = Outcome.INCONCLUSIVE
        why = f"{why} The bend may still lie inside ±{growth.STRAIGHT}, which counts as straight."
    return Decision(
        outcome,
        why,
        Scale.RATIO,
        *found.end_to_end,
        blocks=len(blocks),
        won=share([value > 0 for value in g]),
        negligible=found.kind is GrowthClass.CONSTANT,
        autocorrelated=is_autocorrelated(g),
    )


def _may_be_straight(found: growth.Growth) -> bool:
    """A curve that bends, but not surely by more than the margin: no line is refuted by that."""
    if found.kind is GrowthClass.CONSTANT or found.straightness is None:
        return False
    low, high = found.straightness.low, found.straightness.high
    return low < growth.STRAIGHT and high > -growth.STRAIGHT


def _crossover(
    levels: Sequence[float], blocks: Sequence[Sequence[float]], threshold: float
) -> Decision:
    found = crossover.find(levels, blocks, LOOK_ALPHA, threshold)
    outcome = Outcome.INCONCLUSIVE
    if found.is_decided:
        is_found = found.state is crossover.CrossoverState.FOUND
        outcome = Outcome.SUPPORTED if is_found else Outcome.REFUTED
    at_top = [row[-1] for row in blocks]
    return Decision(
        outcome,
        found.why,
        Scale.LEVEL,
        found.estimate,
        found.low,
        found.high,
        blocks=len(blocks),
        won=share([value > threshold for value in at_top]),
        autocorrelated=is_autocorrelated(at_top),
    )
