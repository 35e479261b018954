"""What the lab and the Locust master say to each other about a trial, as JSON. Values only."""

from dataclasses import dataclass

from pydantic import BaseModel, Field

from lab.drivers import ENGINE, Driver
from lab.model import ClassLoad, ClassName, Frozen, Timing
from lab.record import EngineResult, LocustCount


class Order(Frozen):
    """What the master needs to know of a trial; JSON of this is the body of POST /lab/trials.

    label: the name in Locust's statistics, such as "epoll idle=900". cpu: the load engine's, None
    to stay. hold: seconds for which the connections are kept behind the cool-down, unless released.
    deadline: seconds until all connections are there, or given up.
    driver: who makes the load; a locustfile by its absolute path.
    """

    trial: str = Field(min_length=1)
    label: str = Field(min_length=1)
    target: tuple[str, int]
    protocol: str
    classes: dict[ClassName, ClassLoad] = Field(min_length=1)
    seed: int
    timing: Timing
    cpu: int | None = None
    hold: float = Field(default=0.0, ge=0)
    deadline: float = Field(default=10.0, gt=0, exclude_if=lambda seconds: seconds == 10.0)
    driver: Driver = Field(default=ENGINE, exclude_if=lambda driver: driver == ENGINE)


@dataclass(frozen=True)
class Ready:
    """The connection census before the load starts, by class, added over the engines."""

    established: dict[str, int]
    failed: dict[str, int]


@dataclass(frozen=True)
class State:
    """What GET /lab/state says."""

    workers: int
    expected: int
    engines: list[int]  # process ids, in the order of the workers
    runner: str
    users: int
    trial: str | None
    driver: str = ""  # "hand", "lab run", or nobody


class Census(BaseModel):
    """What one engine connected: by class; failures also by kind."""

    established: dict[str, int]
    failed: dict[str, dict[str, int]]


class View(BaseModel):
    """A trial as the master shows it: parsed once, by pydantic, as results are large."""

    state: str
    gate: str = ""
    why: str = ""
    ready: list[Census] = Field(default_factory=list)
    window: tuple[int, int] | None = None
    results: list[EngineResult] = Field(default_factory=list)
    locust: LocustCount | None = None
