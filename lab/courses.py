"""Loads that change within a trial: `executor`, `start` and `stages` of lab.yaml. Pure.

Stages are laid out from the start of the load: warm-up, window, cool-down. What a load of a plan
says of stages is complete: short forms are written out, levels put in for `$names`. k6's names.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo, model_validator

from lab.document import quote
from lab.model import ClassLoad, Timing
from lab.shape import MoreSeconds, Seconds, Shape
from lab.units import RATE, parse
from loadtests.engine import staged
from loadtests.engine.course import SECOND, course, mean_crowd, nanoseconds

Executor = Literal["constant-vus", "ramping-vus", "constant-arrival-rate", "ramping-arrival-rate"]
Level = int | float | str  # connections, requests per second, or $factor
Laid = tuple[float, list[tuple[float, float]]]  # start, and stages (seconds, target)
EXAMPLE = "[{for: 500 ms, to: 2000/s}]"
CROWDS = "[{for: 500 ms, to: 50}]"


def _target(value: Any, info: ValidationInfo) -> Any:
    if info.mode == "json" and isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return value if value.startswith("$") else parse(value, RATE)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError(
        f"{quote(value)} is no target. Write 2000/s, or 50 for a number of connections."
    )


Target = Annotated[Level, PlainValidator(_target)]


class Stage(Shape):
    """From where it is, the level moves to `to` in a straight line; for: 0 s is a jump."""

    lasts: Seconds = Field(alias="for")
    to: Target


class Spike(Shape):
    """From one level to another and back. at: into the window; both may be left out: a third."""

    base: Target = Field(alias="from")
    to: Target
    at: Seconds | None = None
    lasts: MoreSeconds | None = Field(default=None, alias="for")


class Stages(Shape):
    """Each stage, or one of the short forms."""

    each: Annotated[list[Stage], Field(min_length=1)] | None = None
    step: Annotated[list[Target], Field(min_length=2)] | None = None
    spike: Spike | None = None
    soak: Target | None = None

    @model_validator(mode="after")
    def _check(self) -> "Stages":
        said = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(said) != 1:
            count = " and ".join(said) if said else "nothing"
            text = (
                "Write one: step: [200/s, 400/s], spike: {from: 200/s, to: 2000/s} or soak: 500/s."
            )
            raise ValueError(f"has {count}. {text}")
        return self

    def targets(self) -> Iterator[tuple[tuple[str | int, ...], Level]]:
        """Every level that is said, with its place."""
        for number, stage in enumerate(self.each or ()):
            yield (number, "to"), stage.to
        for number, level in enumerate(self.step or ()):
            yield ("step", number), level
        if self.spike is not None:
            yield ("spike", "from"), self.spike.base
            yield ("spike", "to"), self.spike.to
        if self.soak is not None:
            yield ("soak",), self.soak


def _listed(value: Any) -> Any:
    if isinstance(value, list):
        return {"each": value}
    if isinstance(value, dict | Stages):
        return value
    raise ValueError(f"{quote(value)} is no list of stages. Write {EXAMPLE}.")


StagesIn = Annotated[Stages, BeforeValidator(_listed)]


class Paced(Shape):
    """The part of a load that says when it asks."""

    think: Seconds | None = None
    spread: Literal["constant", "exponential"] = Field(
        default="constant", exclude_if=lambda spread: spread == "constant"
    )
    executor: Executor | None = Field(default=None, exclude_if=lambda name: name is None)
    start: Target | None = Field(default=None, exclude_if=lambda level: level is None)
    stages: StagesIn | None = Field(default=None, exclude_if=lambda stages: stages is None)

    def levels(self) -> Iterator[tuple[tuple[str | int, ...], Level]]:
        """Every level of its start and stages, with its place."""
        if self.start is not None:
            yield ("start",), self.start
        for place, level in self.stages.targets() if self.stages else ():
            yield ("stages", *place), level


def contradiction(load: Paced, rate: Level | None) -> str:
    """Say what contradicts itself, and what to write; "" where nothing does."""
    if load.executor and (wrong := _misnamed(load, load.executor, rate)):
        return wrong
    if load.stages is None:
        if load.start is not None:
            return (
                f"start is where stages begin. Write rate: 100/s, or stages: {EXAMPLE} beside it."
            )
    elif wrong := _mixed(load, load.stages, rate):
        return wrong
    if load.spread != "constant" and not load.think:
        return "spread is of a think time. Write think: 400 us, or spacing: poisson with a rate."
    return ""


def _misnamed(load: Paced, executor: Executor, rate: Level | None) -> str:
    """Say why the load is not what it is called."""
    is_rate = executor.endswith("arrival-rate")
    kind = "arrival-rate" if is_rate else "vus"
    if executor.startswith("ramping") and rate is not None:
        return f"{executor} has stages and no rate. {_instead(load, executor)}"
    if executor.startswith("ramping") and load.stages is None:
        mend = EXAMPLE if is_rate else CROWDS
        return f"{executor} needs stages. Write stages: {mend}, or executor: constant-{kind}."
    if not executor.startswith("ramping") and load.stages is not None:
        return f"{executor} has no stages. Write executor: ramping-{kind}, or leave stages out."
    return _misled(load, executor, rate, is_rate=is_rate)


def _misled(load: Paced, executor: Executor, rate: Level | None, *, is_rate: bool) -> str:
    if is_rate and load.think is not None:
        return f"{executor} waits for no reply: it has no think. Leave think out."
    if not is_rate and rate is not None:
        return f"{executor} waits for replies: it has no rate. Write think: 0 s instead of rate."
    if not is_rate and load.think is None:
        return f"{executor} has a think time. Write think: 0 s."
    return ""


def _instead(load: Paced, executor: Executor) -> str:
    if executor == "ramping-vus":
        beside = "" if load.think is not None else "think: 0 s and "
        return (
            f"Write {beside}stages: {CROWDS} instead of rate, or executor: constant-arrival-rate."
        )
    return f"Write stages: {EXAMPLE} instead of rate, or executor: constant-arrival-rate."


def _mixed(load: Paced, stages: Stages, rate: Level | None) -> str:
    if rate is not None:
        return "has both rate and stages, and stages say the rate. Write start instead of rate."
    if load.start is not None and stages.each is None:
        return "step, spike and soak say where they begin. Leave start out."
    levels = [level for _, level in load.levels()]
    if load.think is not None and any(isinstance(level, float) for level in levels):
        return "with think, stages are numbers of connections. Write to: 50, or leave think out."
    whole = next((level for level in levels if isinstance(level, int)), None)
    if load.think is None and whole is not None:
        mend = f"Write {whole}/s, or think: 0 s beside them for a number of connections"
        return f"without think, stages are rates, and {whole} has no unit. {mend}."
    return ""


def laid_out(load: Paced, factors: dict[str, int], timing: Timing) -> Laid:
    """Write a load's stages out for the phases of a trial."""

    def level(value: Level | None) -> float:
        return float(factors[value[1:]] if isinstance(value, str) else value or 0)

    stages = load.stages
    if stages is None:
        return 0.0, []
    if stages.each is not None:
        return level(load.start), [(stage.lasts, level(stage.to)) for stage in stages.each]
    if stages.soak is not None:
        return 0.0, [(timing.warm_up, level(stages.soak))]
    if stages.spike is not None:
        at, lasts = _spike(stages.spike, timing)
        base, peak = level(stages.spike.base), level(stages.spike.to)
        return base, [(timing.warm_up + at, base), (0.0, peak), (lasts, peak), (0.0, base)]
    steps = [level(value) for value in stages.step or ()]
    each = timing.window / len(steps)
    laid = [(timing.warm_up + each, steps[0])]
    for new in steps[1:]:
        laid += [(0.0, new), (each, new)]
    return steps[0], laid[:-1]  # the last one holds, as any last target


def laid(made: ClassLoad, load: Paced, factors: dict[str, int], timing: Timing) -> ClassLoad:
    """Add the stages of `load` to what has been made of it, and the name of what it is."""
    start, stages = laid_out(load, factors, timing)
    if not stages:
        return made
    course = {"start": start, "stages": stages}
    if load.think is not None:
        return made.model_copy(update={**course, "executor": "ramping-vus"})
    rate = staged.peak(start, stages)
    return made.model_copy(update={**course, "executor": "ramping-arrival-rate", "rate": rate})


def _spike(spike: Spike, timing: Timing) -> tuple[float, float]:
    """When it comes and how long it lasts, seconds."""
    third = timing.window / 3
    return (
        third if spike.at is None else spike.at,
        third if spike.lasts is None else spike.lasts,
    )


def impossible(
    load: Paced, connections: int, factors: dict[str, int], timing: Timing, profile: str
) -> str:
    """Say why stages do not fit into a profile's phases, or to the connections; "": they do."""
    if load.stages is None:
        return ""
    start, stages = laid_out(load, factors, timing)
    most = staged.peak(start, stages)
    if not most:
        return "no stage asks anything. Write a target above 0."
    if load.stages.spike is not None:
        at, lasts = _spike(load.stages.spike, timing)
        if nanoseconds(at + lasts) > nanoseconds(timing.window):
            shown = f"the spike ends {at + lasts:g} s into a window of {timing.window:g} s"
            return (
                f"{shown} ({profile}). Write a smaller at or for, or leave both out: a third each."
            )
    whole = timing.warm_up + timing.window + timing.cool_down
    if staged.length(stages) > nanoseconds(whole):
        phases = f"{timing.warm_up:g} s + {timing.window:g} s + {timing.cool_down:g} s"
        length = staged.length(stages) / SECOND
        text = (
            f"stages of {length:g} s, but a trial of {profile} has {whole:g} s ({phases} of warm-up"
        )
        mend = "Write shorter ones; the last target holds to the end."
        return f"{text}, window and cool-down). {mend}"
    if load.think is not None and most != connections:
        return _crowd(connections, round(most))
    return ""


def _crowd(connections: int, most: int) -> str:
    text = f"{connections} connections, and stages reach {most}. Write connections: {most}"
    if most < connections:
        return f"{text}; those that never ask are idle: {{connections: {connections - most}}}."
    return f"{text}, which is how many are held."


def due(load: ClassLoad, timing: Timing) -> float:
    """How many requests of an open load are due in the window, on average over seeds."""
    low, high = window(timing)
    return due_between(load, low, high)


def due_between(load: ClassLoad, low: int, high: int) -> float:
    """The same between two instants, ns since the start of the load."""
    if not load.stages:
        return load.rate * (high - low) / SECOND
    rate = course(load.start, load.stages)
    return float(rate.gathered(high) - rate.gathered(low))


def active(load: ClassLoad, timing: Timing) -> float:
    """How many connections of a closed load ask in the window, on average."""
    if not load.stages:
        return float(load.connections)
    return float(mean_crowd(load.start, load.stages, *window(timing)))


def changes(load: ClassLoad, timing: Timing) -> bool:
    """Whether rate or connections are others at one time of the window than at another."""
    return not course(load.start, load.stages).steady(*window(timing))


def window(timing: Timing) -> tuple[int, int]:
    """Its edges, ns since the start of the load."""
    low = nanoseconds(timing.warm_up)
    return low, low + nanoseconds(timing.window)
