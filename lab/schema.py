"""The shapes of lab.yaml, and at the same time what the rest of the lab reads: a frozen `Lab`.

Keys take `-` in the file and `_` here. Units are read on the way in; nothing is guessed: a value of
the wrong type is an error. `lab.config` fills the defaults in and checks what no single shape can
see (names, levels, ports). A `Lab` survives `model_dump_json` and `model_validate_json` unchanged.
"""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, PlainValidator, model_validator

from lab.claims import Claim
from lab.document import quote
from lab.drivers import ENGINE, Driver, unpaced
from lab.loads import LoadMix
from lab.mapped import MapOf
from lab.own_servers import OwnServer
from lab.search.shapes import Search
from lab.shape import Bytes, Level, MoreSeconds, Seconds, Shape, Text
from loadtests import targets

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
