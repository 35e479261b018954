"""The three-sided rule: is A/B at least m, about 1, or below m?

One interval of ln(A/B) answers "larger", "smaller" and "no difference that matters" without a
penalty, for it cannot lie in two places at once (doi 10.1177/25152459251412435). "Not larger" is
an answer here only where the data exclude the margin, never because they say nothing.
"""

import math
from collections.abc import Sequence
from enum import Enum, StrEnum
from statistics import stdev

from lab import until
from lab.decision import (
    LOOK_ALPHA,
    LOOKS,
    Decision,
    Outcome,
    Rule,
    Scale,
    decisive_p,
    first_decision,
    is_autocorrelated,
)
from lab.stats.signed_rank import estimate, estimated, p_value, smallest_n
from lab.stats.values import Estimate, as_ratios, finite, share

PREDICTS = 8  # blocks; a forecast from fewer is not worth printing
OUT_OF_REACH = 300  # blocks: hours for one cell; nobody will run them
HALF_WIDTH = 2.6  # standard errors: z of LOOK_ALPHA is 2.50, the signed-rank interval a bit wider


class Sense(StrEnum):
    """What a claim says of the ratio A/B and its margin m > 1."""

    AT_LEAST = "at-least"  # A/B >= m
    ABOUT = "about"  # 1/m < A/B < m
    BELOW = "below"  # A/B < m


class _Region(Enum):
    """Where an interval lies: the rows of the table, in the words of the reason."""

    LARGER = "lies above {m:g}"
    OPPOSITE = "lies below 1/{m:g}: the opposite holds"
    NEGLIGIBLE = "lies between 1/{m:g} and {m:g}: the difference is negligible"
    NOT_LARGER = "lies below {m:g}: negligible or opposite, which of the two is open"
    OPEN = "reaches across {m:g}"


_YES, _NO, _OPEN = Outcome.SUPPORTED, Outcome.REFUTED, Outcome.INCONCLUSIVE
_TABLE = {
    _Region.LARGER: {Sense.AT_LEAST: _YES, Sense.ABOUT: _NO, Sense.BELOW: _NO},
    _Region.OPPOSITE: {Sense.AT_LEAST: _NO, Sense.ABOUT: _NO, Sense.BELOW: _YES},
    _Region.NEGLIGIBLE: {Sense.AT_LEAST: _NO, Sense.ABOUT: _YES, Sense.BELOW: _YES},
    _Region.NOT_LARGER: {Sense.AT_LEAST: _NO, Sense.ABOUT: _OPEN, Sense.BELOW: _YES},
    _Region.OPEN: {Sense.AT_LEAST: _OPEN, Sense.ABOUT: _OPEN, Sense.BELOW: _OPEN},
}


def judge_ratio(
    d: Sequence[float],
    sense: Sense,
    m: float,
    looks: Sequence[int] = LOOKS,
    *,
    until_decided: bool = False,
) -> Decision:
    """Is A/B at least m, about 1, or below m? d: ln(A/B) per block; m > 1."""
    e = _log_margin(m)
    logs = finite(d, "d")
    rule = _rule(logs, Sense(sense), e) if until_decided else None
    return first_decision(len(logs), looks, lambda n: _look(logs[:n], Sense(sense), e, m), rule)


def _rule(d: Sequence[float], sense: Sense, e: float) -> Rule:
    """The sign e-process on the margins that matter to the claim."""
    if sense is Sense.ABOUT:
        return until.on_ratio(d, (e, -e), _is_about)
    above = 1 if sense is Sense.AT_LEAST else -1
    return until.on_ratio(d, (e,), lambda side: None if side == 0 else side == above)


def _is_about(of_upper: int, of_lower: int) -> bool | None:
    """On which side of m and of 1/m the ratio surely lies: between them, or outside."""
    if of_upper > 0 or of_lower < 0:
        return False
    return True if of_upper < 0 < of_lower else None


def needed_blocks(d: Sequence[float], sense: Sense, m: float) -> int | None:
    """How many blocks it would take to decide: (2.6 sd / gap) squared, more than there are.

    gap: from the estimate to the nearest margin that matters to the claim, in logs ("about" has
    two; for the others only m decides). None below 2 blocks or where the estimate is on a margin.
    """
    if len(d) < 2:
        return None
    e = _log_margin(m)
    centre = estimate(d)
    gap = min(abs(centre - margin) for margin in ((-e, e) if sense is Sense.ABOUT else (e,)))
    return max(len(d) + 1, math.ceil((HALF_WIDTH * stdev(d) / gap) ** 2)) if gap else None


def _look(d: Sequence[float], sense: Sense, e: float, m: float) -> Decision:
    logs = estimated(d, LOOK_ALPHA)
    region = _region(logs.low, logs.high, e)
    outcome = _TABLE[region][sense]
    ratio = as_ratios(logs)
    where, needed = region.value.format(m=m), None
    if outcome is _OPEN:
        needed = needed_blocks(d, sense, m) if len(d) >= PREDICTS else None
        where = _open_words(logs, sense, m, needed)
    return Decision(
        outcome,
        _no_interval(d) or f"The interval {ratio.low:.4g} to {ratio.high:.4g} {where}.",
        Scale.RATIO,
        *ratio,
        p=_p(d, sense, e, outcome),
        blocks=len(d),
        won=share([value > 0 for value in d]),
        needed_blocks=needed,
        negligible=region is _Region.NEGLIGIBLE,
        autocorrelated=is_autocorrelated(d),
    )


def _no_interval(d: Sequence[float]) -> str:
    """Say so where no finite interval exists; "" where one does."""
    least = smallest_n(LOOK_ALPHA)
    return "" if len(d) >= least else f"{len(d)} blocks have no interval; it takes {least}."


def _region(low: float, high: float, e: float) -> _Region:
    if low > e:
        return _Region.LARGER
    if high < -e:
        return _Region.OPPOSITE
    if high < e:
        return _Region.NEGLIGIBLE if low > -e else _Region.NOT_LARGER
    return _Region.OPEN


def _open_words(logs: Estimate, sense: Sense, m: float, needed: int | None) -> str:
    """Which margin is open, and what it would take."""
    sides = [f"{m:g}"] if logs.high >= math.log(m) else []
    if logs.low <= -math.log(m) and sense is Sense.ABOUT:
        sides.insert(0, f"1/{m:g}")
    words = f"reaches across {' and '.join(sides)}"
    if needed is None:
        return words
    if needed > OUT_OF_REACH:
        return f"{words}; the estimate lies too close to it for any number of blocks to decide"
    beyond = f", more than the {LOOKS[-1]} planned" if needed > LOOKS[-1] else ""
    return f"{words}; about {needed} blocks would decide{beyond}"


def _p(d: Sequence[float], sense: Sense, e: float, outcome: Outcome) -> float:
    larger, smaller = p_value(d, e, "greater"), p_value(d, e, "less")
    supporting, refuting = (larger, smaller) if sense is Sense.AT_LEAST else (smaller, larger)
    if sense is Sense.ABOUT:
        supporting = max(smaller, p_value(d, -e, "greater"))
        refuting = min(larger, p_value(d, -e, "less"))
    return decisive_p(outcome, supporting, refuting)


def _log_margin(m: float) -> float:
    if not 1 < m < math.inf:
        raise ValueError(f"The margin m is {m}; it is a ratio above 1, such as 1.10.")
    return math.log(m)
