"""The loads of lab.yaml: each class of connection with its pace, and the mix of them in one trial.

`lab.asking` has what the classes share, and those without a pace of their own.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from lab.asking import (
    Asking,
    ChurnLoad,
    Ended,
    IdleLoad,
    Requests,
    SlowLoad,
    StormLoad,
    Unpaced,
    once,
)
from lab.courses import Paced, contradiction
from lab.model import ClassName
from lab.shape import Rate, Shape
from loadtests.engine.classes import NAMES


class Load(Paced, Asking):
    """A load with a pace: open (rate) or closed (think). `$name` is a factor's level.

    stages: instead of a rate, or beside think: see `lab.courses`.
    """

    rate: Rate | None = None
    spacing: Literal["constant", "poisson"] = "constant"

    @property
    def is_open(self) -> bool:
        return self.rate is not None or (self.stages is not None and self.think is None)

    @model_validator(mode="after")
    def _check(self) -> "Load":
        if wrong := contradiction(self, self.rate):
            raise ValueError(wrong)
        if self.stages is None and (self.rate is None) == (self.think is None):
            both = "both rate and think" if self.is_open else "neither rate nor think"
            choice = "rate: 1000/s (open) or think: 0 s (closed)"
            raise ValueError(f"has {both}. Write one: {choice}.")
        if not self.is_open and self.spacing != "constant":
            raise ValueError("spacing needs an open load. Write rate: 1000/s instead of think.")
        if self.rate == 0:
            raise ValueError("a rate of 0/s asks nothing. Write 1/s or more.")
        return self


class LongLoad(Load, Ended):
    """requests: after so many replies a connection ends, and another one is opened."""

    requests: Requests | None = Field(default=None, exclude_if=lambda requests: requests is None)

    @model_validator(mode="after")
    def _check_end(self) -> "LongLoad":
        if self.ends and self.requests is None:
            raise ValueError("ends needs an end. Write requests: 100 beside it, or leave it out.")
        return self


class ShortLoad(Load, Ended):
    """One request per connection."""

    _once = model_validator(mode="before")(once)


class VictimLoad(Load):
    """The probe whose latency is looked at while others attack."""

    @model_validator(mode="after")
    def _check_rate(self) -> "VictimLoad":
        if self.rate is None:
            raise ValueError("a victim asks at a fixed rate. Write rate: 100/s, and nothing else.")
        return self


def _absent(default: None = None) -> Any:
    """A class that older files do not know: absent, it leaves no trace in their hash."""
    return Field(default=default, exclude_if=lambda load: load is None)


class LoadMix(Shape):
    """The classes of connection at work at the same time, in the order of `classes.NAMES`.

    Where none asks anything, what a server costs standing idle can be measured, and its memory.
    """

    long: LongLoad | None = None
    short: ShortLoad | None = None
    idle: IdleLoad | None = None
    slow_sender: SlowLoad | None = _absent()
    slow_reader: SlowLoad | None = _absent()
    never_finishing: IdleLoad | None = _absent()
    churn: ChurnLoad | None = _absent()
    storm: StormLoad | None = _absent()
    victim: VictimLoad | None = _absent()

    def classes(self) -> dict[ClassName, Load | Unpaced | IdleLoad]:
        loads = ((name, getattr(self, name.replace("-", "_"))) for name in NAMES)
        return {name: load for name, load in loads if load is not None}

    def asking(self) -> dict[ClassName, Load | Unpaced]:
        """Return the classes that send requests."""
        loads = self.classes().items()
        return {name: load for name, load in loads if not isinstance(load, IdleLoad)}

    def paced(self) -> dict[ClassName, Load]:
        """Return the classes that send requests at a pace of their own."""
        return {name: load for name, load in self.classes().items() if isinstance(load, Load)}

    def replaced(self, loads: Mapping[ClassName, Asking]) -> "LoadMix":
        """Return the mix with other loads for some classes."""
        return self.model_copy(update={n.replace("-", "_"): load for n, load in loads.items()})

    @model_validator(mode="after")
    def _check(self) -> "LoadMix":
        if not self.classes():
            raise ValueError("there is nobody in it. Add long, short or victim.")
        return self
