"""Where the servers of a lab.yaml stand: which there are, what each lacks here, and who starts it.

The catalog's servers run on the backend that was asked for; those of lab.yaml where they can.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from lab import fitness
from lab.backends import own_commands
from lab.backends.contract import Backend
from lab.backends.own_commands import OwnCommands
from lab.backends.process import ProcessBackend
from lab.errors import EnvironmentUnfit
from lab.own_servers import OwnServer, commands, images, known, misplaced
from servers import needs
from servers.catalog import SERVERS, Server

STARTING = ("process", "docker")  # backends that start servers; others find them running


@dataclass(frozen=True)
class Ground:
    """own: the servers of lab.yaml; folder: where that is. lacks: why a need cannot be met here."""

    backend: Backend = field(default_factory=ProcessBackend)
    own: Mapping[str, OwnServer] = field(default_factory=dict)
    folder: Path = Path()
    lacks: Callable[[str], str] = needs.missing

    def find(self, name: str) -> Server:
        """Return what is declared of a server; of a module of your own, a plain entry."""
        return known(self.own).get(name) or Server(name, "own")

    def missing(self, name: str) -> str:
        """Say why a server cannot run here; "": it can."""
        if name in self.own:
            return missing(self.own[name], self.folder)
        return self.lacks(self.find(name).needs)


def missing(one: OwnServer, folder: Path) -> str:
    """Say why a server of lab.yaml cannot be started here, in its own place; "": it can."""
    if not one.image:
        return own_commands.missing(one, folder)
    from lab.backends import own_images  # noqa: PLC0415 # with the Docker SDK

    return own_images.missing(one)


def absent(
    names: Iterable[str],
    own: Mapping[str, OwnServer],
    folder: Path,
    backend: str,
    lacks: Callable[[str], str],
) -> dict[str, str]:
    """Return the servers that cannot run on a backend, each with the reason."""
    wanted = sorted(set(names))
    found = fitness.absent((name for name in wanted if name in SERVERS), lacks)
    for name in wanted if backend in STARTING else ():
        if name in own:
            why = misplaced(own[name], backend) or missing(own[name], folder)
            found |= {name: why} if why else {}
    return found


def any_left(used: Iterable[str], absent: Mapping[str, str], own: Mapping[str, OwnServer]) -> None:
    """Raise EnvironmentUnfit where nothing but servers of lab.yaml was asked for and none is here.

    Beside others that can run they are skipped, with the reason.
    """
    names = sorted(set(used))
    if names and all(name in absent and name in own for name in names):
        raise EnvironmentUnfit("\n".join(f"{name} cannot run: {absent[name]}" for name in names))


def facts(
    names: Iterable[str], own: Mapping[str, OwnServer], folder: Path, backend: str
) -> dict[str, str]:
    """Return what exactly the servers of lab.yaml are: program or image, by their hashes."""
    if backend not in STARTING:
        return {}
    return {f"server {name}": _identity(own[name], folder) for name in sorted(names) if name in own}


def _identity(one: OwnServer, folder: Path) -> str:
    if not one.image:
        return own_commands.digest(one, folder)
    from lab.backends import own_images  # noqa: PLC0415

    return own_images.image_id(one)


def with_own(backend: Backend, own: Mapping[str, OwnServer], folder: Path, place: str) -> Backend:
    """Return a backend that starts the servers of lab.yaml, too, as far as it can.

    place: the name of the backend. Of one that starts nothing, others look after them, too.
    """
    if place == "process":
        return OwnCommands(backend, commands(own), folder)
    if place == "docker":
        from lab.backends.own_images import OwnImages  # noqa: PLC0415

        given: Any = backend  # a DockerBackend: nobody else has that name
        return OwnImages(backend, images(own), given.client, given.network)
    return backend


@contextmanager
def opened(
    own: Mapping[str, OwnServer], folder: Path, names: Iterable[str], label: str
) -> Iterator[Ground]:
    """Hold ground to examine servers on: commands here, images in a network of their own."""
    here = OwnCommands(ProcessBackend(), commands(own), folder)
    make = partial(Ground, own=own, folder=folder)
    wanted = images({name: own[name] for name in names if name in own})
    if not any(not missing(one, folder) for one in wanted.values()):
        yield make(here)
        return
    from lab.backends import containers, networks  # noqa: PLC0415
    from lab.backends.own_images import OwnImages  # noqa: PLC0415

    client = containers.connect()
    try:
        with networks.network(client, label) as network:
            yield make(OwnImages(here, wanted, client, network))
    finally:
        client.close()
