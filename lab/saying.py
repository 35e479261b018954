"""What a decision means, in numbers and words for the report. Pure.

Effect and interval, the claim's sense, and what was adjusted for.
"""

import math

from lab.claims import (
    METRICS,
    Claim,
    CrossoverClaim,
    DifferenceClaim,
    GrowthClaim,
    LimitClaim,
    OrderClaim,
    ReplicationClaim,
    SlopeClaim,
    SlopeOrderClaim,
    experiment_of,
    metric_of,
)
from lab.data import Data
from lab.report.model import Estimate
from lab.verdicts import LOOK_ALPHA, Decision, Scale

LEVEL = f"{100 * (1 - LOOK_ALPHA):g} %"  # of every interval that decides


def covariate(data: Data, claim: Claim) -> str:
    """Say how CPU time was moved to the usual pace of the CPU; "" where it was not."""
    if isinstance(claim, LimitClaim) or metric_of(claim) != "cpu":
        return ""
    found = data.covariate(experiment_of(claim))
    if not found.beta:
        return ""
    return (
        f"pace of the server's CPU, to the power of {found.beta:.2f} "
        f"(it moved by {found.spread:.0%} between trials)"
    )


def effect(decision: Decision) -> Estimate | None:
    if decision.estimate is None or decision.scale is Scale.NONE:
        return None
    low, high = _ends(decision)
    return Estimate(value=decision.estimate, low=low, high=high)


def _ends(decision: Decision) -> tuple[float | None, float | None]:
    """Return the interval's ends; None where open: a ratio that may be 0 has no lower end."""
    low, high = decision.low, decision.high
    if low is not None and (not math.isfinite(low) or (decision.scale is Scale.RATIO and low <= 0)):
        low = None
    return low, high if high is not None and math.isfinite(high) else None


def _span(decision: Decision) -> str:
    low, high = _ends(decision)
    if low is None and high is None:
        return f"no interval from {decision.blocks} blocks"
    least = "open" if low is None else f"{low:.3g}"
    most = "open" if high is None else f"{high:.3g}"
    return f"{LEVEL} interval {least} to {most}, {decision.blocks} blocks"


def effect_words(claim: Claim, decision: Decision) -> str:
    if decision.estimate is None or isinstance(claim, LimitClaim | ReplicationClaim):
        return ""
    what = METRICS[claim.metric].words
    if isinstance(claim, GrowthClaim):
        return (
            f"{claim.arm}: {what} at the highest level is {decision.estimate:.3g} x that at the "
            f"lowest ({_span(decision)})"
        )
    if isinstance(claim, SlopeClaim):
        unit = f"{METRICS[claim.metric].unit} per {claim.over}"
        return (
            f"slope of {claim.slope.a} less {claim.at_most:g} x slope of {claim.slope.b}: "
            f"{decision.estimate:.3g} {unit} ({_span(decision)})"
        )
    if isinstance(claim, CrossoverClaim):
        return (
            f"{claim.ratio} passes {claim.threshold:g} at {decision.estimate:.3g} {claim.over} "
            f"({_span(decision)})"
        )
    if isinstance(claim, DifferenceClaim):
        unit = METRICS[claim.metric].unit
        return f"{what}: {claim.difference} is {decision.estimate:.3g} {unit} ({_span(decision)})"
    if isinstance(claim, SlopeOrderClaim):
        unit = f"{METRICS[claim.metric].unit} per {claim.over}"
        return (
            f"slope of an arm less {claim.margin:g} x slope of the next one, where that is least "
            f"sure: {decision.estimate:.3g} {unit} ({_span(decision)})"
        )
    if isinstance(claim, OrderClaim):
        said = f"an arm is {decision.estimate:.3g} x the next one, where that is least sure"
        return f"{what}: {said} ({_span(decision)})"
    a, b = claim.ratio.a, claim.ratio.b
    if claim.against:
        levels = ", ".join(f"{name} {level}" for name, level in claim.against.items())
        b = f"{b} at {levels}"
    return f"{what}: {a} is {decision.estimate:.3g} x {b} ({_span(decision)})"


def sense(claim: Claim) -> str:
    if isinstance(claim, LimitClaim):
        return f"probe {claim.probe}, three of three"
    if isinstance(claim, GrowthClaim):
        return f"{claim.growth} over {claim.over}"
    if isinstance(claim, SlopeClaim):
        return f"slope of {claim.slope.a} at most {claim.at_most:g} x that of {claim.slope.b}"
    if isinstance(claim, CrossoverClaim):
        return f"{claim.ratio} passes {claim.threshold:g} inside the measured range"
    if isinstance(claim, ReplicationClaim):
        return f"{len(claim.shape)} statements on the shape of a table"
    if isinstance(claim, DifferenceClaim):
        unit = METRICS[claim.metric].unit
        return f"{claim.difference} at least {claim.at_least:g} {unit}"
    if isinstance(claim, SlopeOrderClaim):
        return f"slopes of {' > '.join(claim.order)}, each at least {claim.margin:g} x the next"
    if isinstance(claim, OrderClaim):
        return f"{' > '.join(claim.order)}, each at least {claim.margin:g} x the next"
    words = {"compare": "at least", "equality": "equal within", "below": "below"}[claim.kind]
    return f"{claim.ratio} {words} {claim.margin:g}"
