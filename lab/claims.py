"""The claims: one shape for each kind of sentence the lab can judge, and the metrics they name.

A kind says how records become a verdict (docs/method.md); the fields say which records.
"""

import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from lab.document import quote
from lab.shape import Level, Shape, Text


class Metric(NamedTuple):
    """What a claim can be about. load: the workload it has a meaning under, "" for both."""

    words: str
    unit: str
    load: Literal["open", "closed", ""]
    requests: int = 0  # completed in a window, the least: n(1 - q) >= 10 (method, quantiles)


METRICS: dict[str, Metric] = {
    "cpu": Metric("server CPU time per completed request", "us", ""),
    "throughput": Metric("completed requests per second", "1/s", "closed"),
    "response-mean": Metric("mean response time", "us", "open"),
    "p50": Metric("median response time", "us", "open", 20),
    "p90": Metric("90th percentile of the response time", "us", "open", 100),
    "p99": Metric("99th percentile of the response time", "us", "open", 1000),
    "pss": Metric("memory of the server (PSS), all connections open", "B", ""),
}


class Expected(Shape):
    """What sources outside of this lab say. Shown beside a verdict, never used in it."""

    verdict: Literal["supported", "refuted", "conditional"]
    source: Text


class Ratio(Shape):
    """Arm a over arm b."""

    a: str
    b: str

    def __str__(self) -> str:
        return f"{self.a} / {self.b}"


def _ratio(value: Any) -> Any:
    if isinstance(value, dict | Ratio):
        return value
    text = value if isinstance(value, str) else ""
    match = re.fullmatch(r"\s*([^\s/]+)\s*/\s*([^\s/]+)\s*", text)
    if not match:
        raise ValueError(f"{quote(value)} is not a ratio of two arms. Write select / epoll.")
    return {"a": match[1], "b": match[2]}


ArmRatio = Annotated[Ratio, BeforeValidator(_ratio)]
Place = dict[str, Level]  # one level for each factor
Margin = Annotated[float, Field(gt=1, le=100)]


class _Claim(Shape):
    """What all claims have. notes: the original words; section: where they stand."""

    id: str
    sentence: Text
    notes: str = ""
    section: str = ""
    profiles: Annotated[list[str], Field(min_length=1)]
    expected: Expected | None = None
    gate: Literal["supported", "refuted"] | None = None
    caveat: str = ""


MetricName = Literal["cpu", "throughput", "response-mean", "p50", "p90", "p99", "pss"]


class _Measured(_Claim):
    """connection_class: whose response time; set exactly where the metric is a response time."""

    experiment: Text
    metric: MetricName
    connection_class: Literal["long", "short"] | None = Field(default=None, alias="class")


def _places(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


def _one_cell() -> list[Place]:
    """Make the place of an experiment without factors."""
    return [{}]


Places = Annotated[list[Place], BeforeValidator(_places), Field(min_length=1)]


class _Ratios(_Measured):
    """margin: the least ratio that matters, more than 1. at: cells that must all hold."""

    ratio: ArmRatio
    at: Places = Field(default_factory=_one_cell)
    because: Text


class CompareClaim(_Ratios):
    """A/B is at least margin."""

    kind: Literal["compare"]
    margin: Margin = Field(alias="at-least")


class EqualityClaim(_Ratios):
    """A and B differ by less than margin, either way."""

    kind: Literal["equality"]
    margin: Margin = Field(alias="about")


class BelowClaim(_Ratios):
    """A/B is less than margin."""

    kind: Literal["below"]
    margin: Margin = Field(alias="below")


class _Ladders(_Measured):
    """over: the factor that grows; start: the lowest level used; at: the other factors."""

    over: Text
    start: Level = Field(default=0, alias="from")
    at: Place = Field(default_factory=dict)


class GrowthClaim(_Ladders):
    """How the metric of one arm grows."""

    kind: Literal["growth"]
    arm: Text
    growth: Literal["linear", "constant", "sublinear", "superlinear"]


class SlopeClaim(_Ladders):
    """The slope of arm a is at most so many times the slope of arm b."""

    kind: Literal["slope"]
    slope: ArmRatio
    at_most: Annotated[float, Field(gt=0, le=100)]
    because: Text


class CrossoverClaim(_Ladders):
    """From which level on A/B is above the threshold."""

    kind: Literal["crossover"]
    ratio: ArmRatio
    threshold: Annotated[float, Field(gt=0, le=100)]
    because: Text


class LimitClaim(_Claim):
    """A limit, or any other fact, that a probe finds or does not: no experiment, no statistics."""

    kind: Literal["limit", "probe"]
    probe: Text


RatioClaim = CompareClaim | EqualityClaim | BelowClaim
LadderClaim = GrowthClaim | SlopeClaim | CrossoverClaim
MeasuredClaim = RatioClaim | LadderClaim
Claim = Annotated[MeasuredClaim | LimitClaim, Field(discriminator="kind")]
KINDS: dict[str, type[RatioClaim | LadderClaim | LimitClaim]] = {
    "compare": CompareClaim,
    "equality": EqualityClaim,
    "below": BelowClaim,
    "growth": GrowthClaim,
    "slope": SlopeClaim,
    "crossover": CrossoverClaim,
    "limit": LimitClaim,
    "probe": LimitClaim,
}
