"""`searches:` of lab.yaml: which level is looked for, in which experiment, and how exactly.

A search takes load, protocol and arms from an experiment and moves one of its factors; its levels
there are where the search looks, unless it says from and to. Values only: `lab.search.checks` knows
whether the names fit, `lab.search.template` makes cells of them.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationInfo, model_validator

from lab.claims import ArmRatio
from lab.document import quote
from lab.model import ClassName
from lab.shape import Level, MoreSeconds, Shape, Text
from lab.units import RATE, SIZE, parse

KNEE = 1.0  # ratio at which a crossover lies
LEAST_TOLERANCE, MOST_TOLERANCE = 0.01, 1.0
MetricName = Literal["cpu", "p50", "p99"]


def share(value: Any) -> float:
    """Read 5 % or 5%. Raises ValueError with a sentence for the user."""
    text = str(value).strip()
    number = text.removesuffix("%").strip()
    try:
        found = float(number) / 100
    except ValueError:
        found = -1.0
    if not text.endswith("%") or not LEAST_TOLERANCE <= found <= MOST_TOLERANCE:
        raise ValueError(f"{quote(value)} is not a share from 1 % to 100 %. Write 5 %.")
    return found


def edge(value: Any) -> int:
    """Read 900, 500/s or 4 KiB as a level. Raises ValueError with a sentence for the user."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    text = str(value).strip()
    if text.isdecimal() and len(text) < 10:
        return int(text)
    for unit in (RATE, SIZE):
        try:
            return round(parse(value, unit))
        except ValueError:
            continue
    raise ValueError(f"{quote(value)} is not a level. Write 900, 500/s or 4 KiB.")


def _json_share(value: Any, info: ValidationInfo) -> float:
    return float(value) if info.mode == "json" and isinstance(value, float) else share(value)


Share = Annotated[float, PlainValidator(_json_share)]
Edge = Annotated[int, PlainValidator(edge)]


class _Search(Shape):
    """What all searches have.

    over: the factor that moves; at: the levels of the others. low, high: None, the levels of the
    experiment. tolerance: of the interval, high over low less 1. budget: seconds in all.
    connection_class: whose response time; None, the one class that asks.
    """

    id: str
    question: Text
    experiment: Text
    over: Text = "rate"
    at: dict[str, Level] = Field(default_factory=dict)
    low: Edge | None = Field(default=None, alias="from")
    high: Edge | None = Field(default=None, alias="to")
    tolerance: Share = 0.05
    budget: MoreSeconds = 120.0
    connection_class: ClassName | None = Field(default=None, alias="class")
    profiles: Annotated[list[str], Field(min_length=1)]

    @model_validator(mode="after")
    def _ascending(self) -> "_Search":
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"from {self.low} to {self.high} is no range. Write from below to.")
        return self


class CapacitySearch(_Search):
    """The highest arrival rate at which all is answered, and p99 stays below the bound.

    arms: those of the experiment that are searched, side by side; empty: all.
    """

    kind: Literal["capacity"]
    p99: MoreSeconds = 0.005
    arms: list[Text] = Field(default_factory=list)

    @property
    def measured(self) -> tuple[str, float]:
        """The metric, and the value that is asked about."""
        return "p99", self.p99 * 1e6


class CrossoverSearch(_Search):
    """The level from which arm a of the ratio has more of the metric than b: from there b wins."""

    kind: Literal["crossover"]
    ratio: ArmRatio
    metric: MetricName = "cpu"

    @property
    def measured(self) -> tuple[str, float]:
        """The metric, and the value that is asked about: a ratio."""
        return self.metric, KNEE


Search = Annotated[CapacitySearch | CrossoverSearch, Field(discriminator="kind")]
KINDS: dict[str, type[CapacitySearch | CrossoverSearch]] = {
    "capacity": CapacitySearch,
    "crossover": CrossoverSearch,
}


def arms(search: CapacitySearch | CrossoverSearch, of_experiment: list[str]) -> list[str]:
    """Return the arms that a search runs: a before b."""
    if isinstance(search, CrossoverSearch):
        return [search.ratio.a, search.ratio.b]
    return search.arms or of_experiment
