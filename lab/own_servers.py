"""Servers that are not of the catalog: what `servers:` in lab.yaml says of them. Pure.

    servers:
      mine: {command: [./server, "{port}"], protocol: echo}
      theirs: {image: "their/server:1.2", protocol: http, port: 8080, paths: [/bytes/64]}

A command is started on this machine, an image in a container; all else about them is alike: they
are examined, metered, gated and judged as ours are, by what their answers mean. What the parts of a
declaration must be is `lab.own_checks`'s matter; `lab.backends.own_commands` and `own_images` start
them.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from lab.served import first
from lab.shape import Shape, Text
from servers.catalog import SERVERS, Server

FOREIGN = "foreign"  # the family
PLACES = ("host", "port", "workers")  # what {host}, {port} and {workers} stand for
PLACE = re.compile(r"\{([a-z]+)\}")


class OwnServer(Shape):
    """One declaration. Of `command` and `image` one at least; with an image, command is its CMD.

    port: where an image listens, whatever the trial draws. workdir: beside lab.yaml, of a command.
    tmpfs: folders that an image may write to, besides /tmp. paths: of http, those that it has;
    empty: all. at_once, cannot: as in `servers.catalog.Server`; cannot may also name one row of a
    table, as `lab verify` prints it.
    """

    protocol: Text
    command: list[Text] = Field(default_factory=list)
    image: Text | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    workdir: Text | None = None
    tmpfs: list[Text] = Field(default_factory=list)
    paths: list[Text] = Field(default_factory=list)
    at_once: Annotated[int, Field(ge=0)] = 0
    cannot: dict[str, Text] = Field(default_factory=dict)

    @property
    def is_exact(self) -> bool:
        """Whether its answers are compared byte by byte: echo has nothing but the bytes."""
        return self.protocol == "echo"

    @property
    def path(self) -> str:
        """What one exchange asks for."""
        return first(self.paths)

    def places(self) -> set[str]:
        """Return which of PLACES, and what else in braces, stands in command and environment."""
        texts = [*self.command, *self.environment.values()]
        return {found for text in texts for found in PLACE.findall(text)}

    def facts(self) -> Server:
        """Return what the catalog would say of it."""
        return Server(
            "",
            FOREIGN,
            at_once=self.at_once,
            protocols=(self.protocol,),
            paths=tuple(self.paths),
            cannot=self.cannot,
        )


def filled(text: str, values: Mapping[str, object]) -> str:
    """Put values in the places of a text."""
    return PLACE.sub(lambda found: str(values.get(found[1], found[0])), text)


def words(one: OwnServer, values: Mapping[str, object]) -> list[str]:
    return [filled(word, values) for word in one.command]


def variables(one: OwnServer, values: Mapping[str, object]) -> dict[str, str]:
    return {name: filled(text, values) for name, text in one.environment.items()}


def known(own: Mapping[str, OwnServer]) -> dict[str, Server]:
    """Return the catalog with these."""
    return {**SERVERS, **{name: one.facts() for name, one in own.items()}}


def images(own: Mapping[str, OwnServer]) -> dict[str, OwnServer]:
    return {name: one for name, one in own.items() if one.image}


def commands(own: Mapping[str, OwnServer]) -> dict[str, OwnServer]:
    return {name: one for name, one in own.items() if not one.image}


def misplaced(one: OwnServer, backend: str) -> str:
    """Say why it cannot run on a backend; "": it can."""
    if one.image and backend == "process":
        return "it is an image. Run it with --backend docker"
    if not one.image and backend == "docker":
        return "it is a command of this machine. Run it with --backend process, or make an image"
    return ""


def not_held(own: Mapping[str, OwnServer], names: Sequence[str]) -> list[str]:
    """Say what is not held against which of them, for the record."""
    return [
        f"{name} is not held to {check}: {why}"
        for name in names
        if name in own
        for check, why in own[name].cannot.items()
    ]
