"""The shapes of lab.yaml, and at the same time what the rest of the lab reads: a frozen `Lab`.

Keys take `-` in the file and `_` here. Units are read on the way in; nothing is guessed: a value of
the wrong type is an error. `lab.config` fills the defaults in and checks what no single shape can
see (names, levels, ports). A `Lab` survives `model_dump_json` and `model_validate_json` unchanged.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, PlainValidator, model_validator

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
from lab.claims import Claim
from lab.courses import Paced, contradiction
from lab.document import quote
from lab.drivers import ENGINE, Driver, unpaced
from lab.mapped import MapOf
from lab.model import ClassName
from lab.own_servers import OwnServer
from lab.search.shapes import Search
from lab.shape import Bytes, Level, MoreSeconds, Rate, Seconds, Shape, Text
from loadtests import targets
from loadtests.engine.classes import NAMES

EVERY = "*"  # a list of levels that holds in every profile


class Profile(Shape):
    """How long and how often. looks: numbers of blocks after which it is judged, ascending."""

    looks: Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Field(min_length=1)]
    warm_up: MoreSeconds
    window: MoreSeconds
    cool_down: Seconds

    @property
    def blocks(self) -> int:
        return self.looks[-1]

    @model_validator(mode="after")
    def _check(self) -> "Profile":
        if self.looks != sorted(set(self.looks)):
            raise ValueError("looks must grow from one to the next. Write [12, 18, 24, 30].")
        return self


class Timing(Shape):
    """Where an experiment needs other phases than its profile, and why."""

    because: Text
    warm_up: MoreSeconds | None = None
    window: MoreSeconds | None = None
    cool_down: Seconds | None = None


class Defaults(Shape):
    protocol: Text = "echo"
    payload: Bytes = 64
    seed: Annotated[int, Field(ge=0)] = 1


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


class Arm(Shape):
    """network: how it is reached; None, the backend's own way, leaves no trace in the hash.

    load, driver: instead of the experiment's, where what the arms differ in is the load.
    """

    server: Text
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    network: Literal["loopback", "host", "bridge", "published"] | None = Field(
        default=None, exclude_if=lambda network: network is None
    )
    load: LoadMix | None = Field(default=None, exclude_if=lambda load: load is None)
    driver: Driver | None = Field(default=None, exclude_if=lambda driver: driver is None)


def _arms(value: Any) -> Any:
    """Read [select, poll], {epoll: epoll} and {pair: {server: prefork, workers: 2}} alike."""
    if isinstance(value, list):
        names = [item for item in value if isinstance(item, str)]
        if len(names) < len(value):
            raise ValueError("a list of arms holds server names. Write [select, epoll].")
        twice = [name for index, name in enumerate(names) if name in names[:index]]
        if twice:
            again = f"{{{twice[0]}: {twice[0]}, twin: {twice[0]}}}"
            raise ValueError(f"{quote(twice[0])} stands here twice. For a twin write {again}.")
        return {name: {"server": name} for name in names}
    if isinstance(value, dict):
        return {n: {"server": arm} if isinstance(arm, str) else arm for n, arm in value.items()}
    raise ValueError(f"{quote(value)} is not a list of servers. Write [select, epoll].")


def _levels(value: Any) -> Any:
    if isinstance(value, dict | list):
        return {EVERY: value} if isinstance(value, list) else value
    raise ValueError(f"{quote(value)} is not a list of levels. Write [0, 10, 100].")


Ladder = Annotated[list[Level], Field(min_length=1)]
Levels = Annotated[dict[str, Ladder], BeforeValidator(_levels), Field(min_length=1)]


class Experiment(Shape):
    """A question, the arms that answer it, and the load on them.

    factors: levels by factor and profile; `EVERY` stands for all profiles. An experiment is
    no part of a profile for which one of its factors has no levels.
    factors_for: the levels of one arm, instead of those in `factors`.
    mechanism: its cells are also traced, never timed, see lab.mechanism.
    driver: who makes the load, see lab.drivers.
    map: who wins where, drawn over two factors, see lab.mapping.
    """

    id: str
    question: Text
    arms: Annotated[dict[str, Arm], BeforeValidator(_arms), Field(min_length=1)]
    load: LoadMix
    protocol: Text = ""  # `lab.config` has filled it in
    factors: dict[str, Levels] = Field(default_factory=dict)
    factors_for: dict[str, dict[str, Levels]] = Field(default_factory=dict)
    timing: dict[str, Timing] = Field(default_factory=dict)
    mechanism: bool = Field(default=False, exclude_if=lambda wanted: not wanted)
    driver: Driver = Field(default=ENGINE, exclude_if=lambda driver: driver == ENGINE)
    map: MapOf | None = Field(default=None, exclude_if=lambda of: of is None)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        return unpaced(data)

    def driver_of(self, arm: str) -> Driver:
        """Return who loads an arm. Raises KeyError for an unknown arm."""
        return self.arms[arm].driver or self.driver

    def load_of(self, arm: str) -> LoadMix:
        """Return what an arm is loaded with. Raises KeyError for an unknown arm."""
        return self.arms[arm].load or self.load

    def loads(self) -> list[tuple[tuple[str, ...], LoadMix]]:
        """Return every load with its place in the file, below the experiment."""
        own = [(("arms", name, "load"), arm.load) for name, arm in self.arms.items()]
        return [(("load",), self.load), *((place, load) for place, load in own if load)]


def _target(value: Any) -> str:
    wrong = targets.problem(value) if isinstance(value, str) else "is no text. Write lab.example."
    if wrong:
        raise ValueError(f"{quote(value)} {wrong}")
    return str(value)


AllowTargets = list[Annotated[str, PlainValidator(_target)]]  # see loadtests.targets
Section = Annotated[dict[str, Any], Field(min_length=1)]


class File(Shape):
    """The outermost keys. `lab.config` shapes what is in the sections one by one."""

    version: Literal[1]
    include: list[Text] = Field(default_factory=list)
    allow_targets: AllowTargets = Field(default_factory=list, alias="allow_targets")  # as elsewhere
    defaults: dict[str, Any] = Field(default_factory=dict)
    servers: dict[str, Any] = Field(default_factory=dict)
    profiles: Section
    experiments: Section
    claims: Section
    searches: dict[str, Any] = Field(default_factory=dict)


class Lab(Shape):
    """A whole lab.yaml, checked: every name in it resolves."""

    version: Literal[1] = 1
    allow_targets: AllowTargets = Field(
        default_factory=list, alias="allow_targets", exclude_if=lambda names: not names
    )
    defaults: Defaults
    servers: dict[str, OwnServer] = Field(default_factory=dict, exclude_if=lambda own: not own)
    profiles: dict[str, Profile]
    experiments: dict[str, Experiment]
    claims: dict[str, Claim]
    searches: dict[str, Search] = Field(default_factory=dict, exclude_if=lambda found: not found)

    @property
    def sha256(self) -> str:
        """Of the content: comments, order of keys and the way a number is written do not count."""
        return _sha256(self)

    def claim_sha256(self, claim: str) -> str:
        """Of one claim: it changes when a margin does, so that `post-hoc` can be told."""
        return _sha256(self.claims[claim])


def _sha256(value: BaseModel) -> str:
    canonical = json.dumps(value.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
