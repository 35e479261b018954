"""What a decision means, in numbers and words for the report. Pure.

Effect and interval, the claim's sense, and what was adjusted for.
"""

import math

from lab.claims import (
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
from lab.metrics import METRICS
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
    metric, found = METRICS[claim.metric], f"{decision.estimate:.3g}"
    match claim:
        case GrowthClaim():
            levels = "at the highest level is {} x that at the lowest"
            said = f"{claim.arm}: {metric.words} {levels.format(found)}"
        case SlopeClaim():
            less = f"slope of {claim.slope.a} less {claim.at_most:g} x slope of {claim.slope.b}"
            said = f"{less}: {found} {metric.unit} per {claim.over}"
        case SlopeOrderClaim():
            less = f"slope of an arm less {claim.margin:g} x slope of the next one"
            said = f"{less}, where least sure: {found} {metric.unit} per {claim.over}"
        case CrossoverClaim():
            said = f"{claim.ratio} passes {claim.threshold:g} at {found} {claim.over}"
        case DifferenceClaim():
            said = f"{metric.words}: {claim.difference} is {found} {metric.unit}"
        case OrderClaim():
            said = f"{metric.words}: an arm is {found} x the next one, where least sure"
        case _:
            levels = ", ".join(f"{name} {level}" for name, level in claim.against.items())
            b = f"{claim.ratio.b} at {levels}" if levels else claim.ratio.b
            said = f"{metric.words}: {claim.ratio.a} is {found} x {b}"
    return f"{said} ({_span(decision)})"


def sense(claim: Claim) -> str:
    match claim:
        case LimitClaim():
            said = f"probe {claim.probe}, three of three"
        case GrowthClaim():
            said = f"{claim.growth} over {claim.over}"
        case SlopeClaim():
            said = f"slope of {claim.slope.a} at most {claim.at_most:g} x that of {claim.slope.b}"
        case CrossoverClaim():
            said = f"{claim.ratio} passes {claim.threshold:g} inside the measured range"
        case ReplicationClaim():
            plural = "s" if len(claim.shape) > 1 else ""
            said = f"{len(claim.shape)} statement{plural} on the shape of a table"
        case DifferenceClaim():
            least = f"{claim.at_least:g} {METRICS[claim.metric].unit}"
            said = f"{claim.difference} at least {least}"
        case SlopeOrderClaim() | OrderClaim():
            what = "slopes of " if isinstance(claim, SlopeOrderClaim) else ""
            said = f"{what}{' > '.join(claim.order)}, each at least {claim.margin:g} x the next"
        case _:
            words = {"compare": "at least", "equality": "equal within", "below": "below"}
            said = f"{claim.ratio} {words[claim.kind]} {claim.margin:g}"
    return said
