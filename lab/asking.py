"""The shapes of connection classes in lab.yaml that have no pace of their own, and what all share.

`lab.schema` has those that have one: long, short, victim. docs/classes.md shows every class.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainValidator, model_validator

from lab.document import quote
from lab.model import ClassLoad, Ends
from lab.shape import Count, MoreSeconds, Rate, Seconds, Shape, Size
from loadtests.engine import paths


def _path(value: Any) -> str:
    wrong = paths.problem(value) if isinstance(value, str) else "is not a path. Write /block/5."
    if wrong:
        raise ValueError(f"{quote(value)} {wrong}")
    return str(value)


def _requests(value: Any) -> Any:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if (is_number and value >= 1) or (isinstance(value, str) and value.startswith("$")):
        return value
    raise ValueError(f"{quote(value)} is not a number of requests. Write 100, or $factor.")


Path = Annotated[str, PlainValidator(_path)]
Requests = Annotated[int | str, PlainValidator(_requests)]  # or $factor


class Asking(Shape):
    """What a class that asks says about its requests.

    payload: the file may leave it to the defaults; `lab.config` has filled it in, if one is sent.
    path: of http only; None is `paths.ECHO`, and leaves no trace in the hash of older files.
    """

    connections: Count
    payload: Size | None = None
    path: Path | None = Field(default=None, exclude_if=lambda path: path is None)

    @property
    def takes_payload(self) -> bool:
        return self.path is None or paths.takes_payload(self.path)

    @model_validator(mode="after")
    def _check_payload(self) -> "Asking":
        if self.payload is not None and not self.takes_payload:
            raise ValueError(f"a GET has no payload. Leave it out, or write path: {paths.ECHO}.")
        return self


class Unpaced(Asking):
    """Asks at no rate and after no pause of its own."""

    rate: ClassVar[None] = None
    is_open: ClassVar[Literal[False]] = False


class SlowLoad(Unpaced):
    """Requests that are sent, or replies that are read, one piece every so often."""

    piece: Size
    every: MoreSeconds


class StormLoad(Unpaced):
    """Connections that all come at one instant. at: into the window."""

    at: Seconds = 0.0


class IdleLoad(Shape):
    """Connections that are held: idle, or never-finishing."""

    connections: Count


class ChurnLoad(IdleLoad):
    """Connections that are held, silent, and replaced at a rate."""

    rate: Rate

    @model_validator(mode="after")
    def _check(self) -> "ChurnLoad":
        if self.rate == 0:
            raise ValueError("a churn of 0/s replaces nothing. Write 1/s or more, or idle.")
        return self


class Ended(Shape):
    """How connections end. None is `close`, and leaves no trace in the hash of older files."""

    ends: Ends | None = Field(default=None, exclude_if=lambda ends: ends is None)


def once(data: Any) -> Any:
    """Refuse a number of requests for those that make one."""
    if isinstance(data, dict) and "requests" in data:
        raise ValueError("a short connection asks once. Leave requests out, or write long.")
    return data


def class_load(load: Shape, number: Any) -> ClassLoad:
    """Put the levels in where a load without a pace names factors. number(value, kind) does."""
    assert isinstance(load, Unpaced | IdleLoad), load
    said: dict[str, Any] = {"connections": number(load.connections, int)}
    if isinstance(load, ChurnLoad):
        said["rate"] = number(load.rate, float)
    if isinstance(load, Unpaced):
        said["payload"] = number(load.payload or 0, int)
        said["path"] = load.path or paths.ECHO
    if isinstance(load, SlowLoad):
        said |= {"piece": number(load.piece, int), "every_s": load.every}
    if isinstance(load, StormLoad):
        said["at_s"] = load.at
    return ClassLoad.model_validate(said)
