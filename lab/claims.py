"""The claims: one shape for each kind of sentence the lab can judge, and the metrics they name.

A kind says how records become a verdict (docs/method.md); the fields say which records.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from lab.document import quote
from lab.metrics import MetricName
from lab.model import ClassName
from lab.outline import Outline, Published
from lab.shape import Level, Shape, Text


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


class Difference(Ratio):
    """Arm a less arm b."""

    def __str__(self) -> str:
        return f"{self.a} - {self.b}"


def _ratio(value: Any) -> Any:
    if isinstance(value, dict | Ratio):
        return value
    text = value if isinstance(value, str) else ""
    match = re.fullmatch(r"\s*([^\s/]+)\s*/\s*([^\s/]+)\s*", text)
    if not match:
        raise ValueError(f"{quote(value)} is not a ratio of two arms. Write select / epoll.")
    return {"a": match[1], "b": match[2]}


def _difference(value: Any) -> Any:
    if isinstance(value, dict | Difference):
        return value
    text = value if isinstance(value, str) else ""
    match = re.fullmatch(r"\s*(\S+)\s+-\s+(\S+)\s*", text)
    if not match:
        raise ValueError(f"{quote(value)} is no difference of two arms. Write select - epoll.")
    return {"a": match[1], "b": match[2]}


ArmRatio = Annotated[Ratio, BeforeValidator(_ratio)]
ArmDifference = Annotated[Difference, BeforeValidator(_difference)]
Arms = Annotated[list[Text], Field(min_length=2)]
Place = dict[str, Level]  # one level for each factor
Margin = Annotated[float, Field(gt=1, le=100)]


class Needs(Shape):
    """What a machine must have before a claim can be decided on it; else it is skipped.

    cpus: that the lab may use. nofile: open files of one process, the hard limit.
    features: see lab.needs; modules: of Python.
    """

    cpus: Annotated[int, Field(ge=2)] = 2
    nofile: Annotated[int, Field(ge=0)] = 0
    features: list[Literal["io_uring", "strace", "frameworks", "free-threaded"]] = Field(
        default_factory=list
    )
    modules: list[Text] = Field(default_factory=list)


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
    needs: Needs | None = Field(default=None, exclude_if=lambda needs: needs is None)


class _Measured(_Claim):
    """connection_class: whose time; set exactly where the metric is a time of requests."""

    experiment: Text
    metric: MetricName
    connection_class: ClassName | None = Field(default=None, alias="class")


def _places(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


def _one_cell() -> list[Place]:
    """Make the place of an experiment without factors."""
    return [{}]


Places = Annotated[list[Place], BeforeValidator(_places), Field(min_length=1)]


class _Ratios(_Measured):
    """margin: the least ratio that matters, more than 1. at: cells that must all hold.

    against: levels that are other ones for arm b: `ratio: pool / pool`, `at: {silent: 10}`,
    `against: {silent: 9}` compares an arm with itself under another load.
    """

    ratio: ArmRatio
    at: Places = Field(default_factory=_one_cell)
    against: Place = Field(default_factory=dict, exclude_if=lambda place: not place)
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


class DifferenceClaim(_Measured):
    """A - B is at least so much, in the metric's own unit: for metrics that may be zero."""

    kind: Literal["difference"]
    difference: ArmDifference
    at: Places = Field(default_factory=_one_cell)
    at_least: Annotated[float, Field(ge=0)]
    because: Text


class OrderClaim(_Measured):
    """Each arm is at least margin times the next one, in the order named."""

    kind: Literal["order"]
    order: Arms
    margin: Margin = Field(alias="at-least")
    at: Places = Field(default_factory=_one_cell)
    because: Text


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


class SlopeOrderClaim(_Ladders):
    """The slope of each arm is at least margin times that of the next one."""

    kind: Literal["slope-order"]
    order: Arms
    margin: Margin = Field(alias="at-least")
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


class ReplicationClaim(_Claim):
    """A table whose shape must be as `shape` says, whatever its numbers are.

    Its numbers come from a program of lab/replications, run `repeats` times in a fresh process, or
    from the cells of an experiment: rows are arms, columns the levels of the factor `over`.
    A replication has a published table, which is shown beside it; a program may have none.
    """

    kind: Literal["replication", "program"]
    shape: Annotated[list[Outline], Field(min_length=1)]
    published: Published | None = None
    program: str = ""
    repeats: Annotated[int, Field(ge=3, le=100)] = 3
    experiment: str = ""
    metric: MetricName | None = None
    connection_class: ClassName | None = Field(default=None, alias="class")
    over: str = ""
    at: Place = Field(default_factory=dict)
    because: str = ""

    @model_validator(mode="after")
    def _check(self) -> "ReplicationClaim":
        if bool(self.program) == bool(self.experiment):
            raise ValueError("has one source of numbers. Write program: or experiment:, not both.")
        if bool(self.experiment) != bool(self.metric):
            raise ValueError(
                "needs a metric with an experiment, and only there. Write metric: cpu."
            )
        if self.kind == "replication" and self.published is None:
            raise ValueError("replicates nothing. Write published:, or kind: program.")
        return self


RatioClaim = CompareClaim | EqualityClaim | BelowClaim
PlacedClaim = RatioClaim | DifferenceClaim | OrderClaim
LadderClaim = GrowthClaim | SlopeClaim | SlopeOrderClaim | CrossoverClaim
MeasuredClaim = PlacedClaim | LadderClaim
UnmeasuredClaim = LimitClaim | ReplicationClaim  # no ratio, no ladder: rules of their own
Claim = Annotated[MeasuredClaim | UnmeasuredClaim, Field(discriminator="kind")]
KINDS: dict[str, type[MeasuredClaim | UnmeasuredClaim]] = {
    "compare": CompareClaim,
    "equality": EqualityClaim,
    "below": BelowClaim,
    "difference": DifferenceClaim,
    "order": OrderClaim,
    "growth": GrowthClaim,
    "slope": SlopeClaim,
    "slope-order": SlopeOrderClaim,
    "crossover": CrossoverClaim,
    "limit": LimitClaim,
    "probe": LimitClaim,
    "replication": ReplicationClaim,
    "program": ReplicationClaim,
}


def experiment_of(claim: Claim) -> str:
    """Return the experiment that a claim stands on; "": none, a program or a probe answers it."""
    return "" if isinstance(claim, LimitClaim) else claim.experiment


def metric_of(claim: Claim) -> str:
    """Return the metric that a claim is about; "": none of METRICS."""
    return "" if isinstance(claim, LimitClaim) else claim.metric or ""
