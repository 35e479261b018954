"""The label shuffle of a stored run: how often its rules would err if its arms were equal. Pure.

Two shares for each claim. `asserts`: the claim's whole rule, looks and margin included, says that
one arm costs more than the other. `excludes`: some planned look's interval lies wholly off
equality, margin or not. Both may be 5 % at most (method.md, self-tests).

No share for probes, programs, replications and crossovers; nor for levels of one arm that differ in
their load, for there is nothing to exchange.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab.claims import Claim, DifferenceClaim, GrowthClaim, SlopeClaim, SlopeOrderClaim
from lab.data import Data
from lab.decision import ALPHA, LOOK_ALPHA, Outcome, Scale
from lab.model import Plan
from lab.rules import SENSES
from lab.schema import Lab
from lab.series import Series, ladder_rows, of
from lab.stats import shuffle
from lab.stats.signed_rank import interval
from lab.verdicts import Decision, GrowthClass, judge_difference, judge_growth, judge_ratio

TIMES = 1000


@dataclass(frozen=True)
class Shuffled:
    """How many of `times` shuffles of one series erred."""

    claim: str
    series: str
    blocks: int
    times: int
    asserts: int
    excludes: int


@dataclass(frozen=True)
class Summary:
    """Shares over all series of a run; limit: what is allowed, Monte-Carlo error included."""

    series: int
    asserts: float
    excludes: float
    limit: float

    @property
    def holds(self) -> bool:
        return max(self.asserts, self.excludes) <= self.limit


def shuffle_all(
    lab: Lab, plan: Plan, data: Data, times: int = TIMES, seed: int = 1
) -> list[Shuffled]:
    """Shuffle the labels of every claim that has at least a first look's blocks."""
    found = []
    for number, name in enumerate(plan.claims):
        claim = lab.claims[name]
        if getattr(claim, "against", None):
            continue
        if isinstance(claim, GrowthClaim):
            found += _growth(lab, plan, data, claim, times, seed + number)
            continue
        for series in of(lab, plan, data, name):
            if len(series.values) >= plan.looks[0] and series.exchanged:
                found.append(_series(plan, claim, series, times, seed + number))
    return found


def summary(found: Sequence[Shuffled]) -> Summary:
    """Sum up. The limit is 5 % and two standard errors of that many tosses of one series.

    Shuffles of one series are independent given its blocks; series share blocks, so their number
    makes the error no smaller here.
    """
    times = sum(one.times for one in found)
    if not times:
        return Summary(0, 0.0, 0.0, ALPHA)
    error = 2 * (ALPHA * (1 - ALPHA) / found[0].times) ** 0.5
    return Summary(
        len(found),
        sum(one.asserts for one in found) / times,
        sum(one.excludes for one in found) / times,
        ALPHA + error,
    )


def _series(plan: Plan, claim: Claim, series: Series, times: int, seed: int) -> Shuffled:
    asserts, excludes = _rule(plan, claim), _excludes(plan)
    drawn = list(shuffle.shuffled(series.values, series.exchanged, times, seed))
    # the plain interval is asked of sign-symmetric series only: slopes with a factor are none
    symmetric = all(a == -b for a, b in zip(series.values, series.exchanged, strict=True))
    return Shuffled(
        claim.id,
        series.name,
        len(series.values),
        times,
        sum(map(asserts, drawn)),
        sum(map(excludes, drawn)) if symmetric else 0,
    )


def _excludes(plan: Plan) -> Callable[[Sequence[float]], bool]:
    def excludes(d: Sequence[float]) -> bool:
        ends = (interval(d[:look], LOOK_ALPHA) for look in plan.looks if look <= len(d))
        return any(low > 0 or high < 0 for low, high in ends)

    return excludes


def _rule(plan: Plan, claim: Claim) -> Callable[[Sequence[float]], bool]:
    """Return whether the claim's rule asserts that the arms differ, for a series."""
    if isinstance(claim, DifferenceClaim):
        least = claim.at_least
        return lambda d: _beyond(judge_difference(d, least, plan.looks), least)
    if isinstance(claim, SlopeClaim | SlopeOrderClaim):
        above = isinstance(claim, SlopeOrderClaim)
        return lambda d: (
            judge_difference(d, 0.0, plan.looks, above=above).outcome is Outcome.SUPPORTED
        )
    margin: float = claim.margin  # type: ignore[union-attr] # of() has no other kinds
    sense = SENSES[type(claim)]
    return lambda d: _beyond(judge_ratio(d, sense, margin, plan.looks), margin)


def _beyond(found: Decision, margin: float) -> bool:
    """Say whether a decision puts the whole interval beyond the margin, on either side."""
    if not found.is_decided or found.low is None or found.high is None:
        return False
    lower = 1 / margin if found.scale is Scale.RATIO else -margin
    return found.low > margin or found.high < lower


def _growth(
    lab: Lab, plan: Plan, data: Data, claim: GrowthClaim, times: int, seed: int
) -> list[Shuffled]:
    """Exchange the levels inside each block: nothing grows then."""
    blocks, levels, (rows,) = ladder_rows(lab, plan, data, claim, [claim.arm])
    if len(rows) < plan.looks[0]:
        return []
    grows = 0
    for table in shuffle.permuted(rows, times, seed):
        found = judge_growth(levels, table, GrowthClass.CONSTANT, plan.looks)
        grows += found.outcome is Outcome.REFUTED
    return [Shuffled(claim.id, claim.arm, len(blocks), times, grows, 0)]
