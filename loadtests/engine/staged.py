"""What k6 calls an executor: which one a load is, and whether its parts agree. Pure.

constant-vus            closed, think_s                  ramping-vus            ... and stages
constant-arrival-rate   open, rate                       ramping-arrival-rate   ... and stages

Targets of stages are connections (vus) or requests per second; the highest of them and of the start
is the load's `connections` or `rate`, so whoever asks how much a load is at most need not know of
stages.
"""

from collections.abc import Sequence
from typing import Protocol

from loadtests.engine.course import Stage, nanoseconds

EXECUTORS = ("constant-vus", "ramping-vus", "constant-arrival-rate", "ramping-arrival-rate")
SPREADS = ("constant", "exponential")
CLASSES = ("long", "short")  # that may have one; a victim's rate is the same throughout


class Staged(Protocol):
    """What is looked at here, of `loadtests.engine.order.Load` and of `lab.model.ClassLoad`."""

    @property
    def connections(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def think_s(self) -> float: ...
    @property
    def spread(self) -> str: ...
    @property
    def executor(self) -> str: ...
    @property
    def start(self) -> float: ...
    @property
    def stages(self) -> Sequence[Stage]: ...


def executor(load: Staged) -> str:
    """The name of what a load is, whether it is said or not."""
    course = "ramping" if load.stages else "constant"
    return f"{course}-arrival-rate" if load.rate > 0 else f"{course}-vus"


def length(stages: Sequence[Stage]) -> int:
    """How long all stages take, ns."""
    return sum(nanoseconds(seconds) for seconds, _ in stages)


def peak(start: float, stages: Sequence[Stage]) -> float:
    return max(start, *(target for _, target in stages))


def problem(load: Staged) -> str:
    """Say what contradicts itself; "" where nothing does."""
    if load.spread not in SPREADS:
        return f'no spread "{load.spread}"; known: {", ".join(SPREADS)}'
    if load.spread != "constant" and (load.rate > 0 or load.think_s <= 0):
        return "spread is of a think time above 0"
    if load.executor and load.executor != executor(load):
        return f'executor is "{load.executor}", but this is {executor(load)}'
    if not load.stages:
        return "start needs stages" if load.start else ""
    return _unlike(load)


def _unlike(load: Staged) -> str:
    if min(load.start, *(min(stage) for stage in load.stages)) < 0:
        return "start, times and targets of stages are 0 or more"
    most = peak(load.start, load.stages)
    if load.rate > 0:
        return "" if load.rate == most else f"rate is {load.rate}, but the stages reach {most}"
    if any(level % 1 for level in (load.start, *(target for _, target in load.stages))):
        return "connections in stages are whole numbers"
    if load.connections != most:
        return f"connections is {load.connections}, but the stages reach {most}"
    return ""
