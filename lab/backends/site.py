"""Where the servers of a run are: what `--backend` chooses among, and what the run must know of it.

A site is looked at before anything begins and opened for the time of the trials. The Docker SDK is
imported by those who ask for it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from lab.backends.contract import Backend
from lab.backends.process import ProcessBackend
from servers.needs import missing


@dataclass(frozen=True)
class Site:
    """One place to run servers in. facts: what must be equal there for runs to be compared."""

    open: Callable[[str], AbstractContextManager[Backend]]  # with the run's label
    missing: Callable[[str], str] = missing  # why a server's need cannot be met there
    nofile: int | None = None  # descriptors of a process there; None: as here
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # to be said before the run


@contextmanager
def _here(_run: str) -> Iterator[Backend]:
    yield ProcessBackend()


def processes() -> Site:
    """This machine, without more."""
    return Site(_here)


def docker() -> Site:
    """Containers of the local engine. Raises EnvironmentUnfit: no engine, no image."""
    from lab.backends import containers, inside  # noqa: PLC0415 # half the start of `lab`
    from lab.backends.docker import opened  # noqa: PLC0415

    client = containers.connect()
    name = containers.image_name()
    image = containers.image_id(client, name)
    found = inside.look(client, image, containers.own_label())
    notes = []
    if found.code != inside.here().code:
        notes.append(f"the image {name} was built from other files than these: make images")
    with containers.explained():
        engine = client.version()["Version"]
    return Site(
        open=lambda run: opened(client, image, run),
        missing=found.lacks,
        nofile=found.nofile,
        facts={
            "docker": str(engine),
            "image": image,
            "image's python": found.python,
            "image's open files": str(found.nofile),
            "seccomp": "lab" if containers.profile() else "engine",
        },
        notes=tuple(notes),
    )


SITES: dict[str, Callable[[], Site]] = {"process": processes, "docker": docker}
