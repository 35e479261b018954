"""Where the servers of a run are: what `--backend` chooses among, and what the run must know of it.

A site is looked at before anything begins and opened for the time of the trials. The Docker SDK is
imported by those who ask for it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from lab import lacks
from lab.backends.contract import Backend
from lab.backends.process import ProcessBackend
from lab.model import Cell, Network
from lab.stage import Conducting
from servers.needs import missing

ON_PROCESSES: tuple[Network, ...] = ("", "loopback")
IN_CONTAINERS: tuple[Network, ...] = ("", "loopback", "host", "bridge", "published")


@dataclass(frozen=True)
class Site:
    """One place to run servers in. facts: what must be equal there for runs to be compared.

    lacking: what else of the cells cannot be run or metered there, by the names of lab.lacks.
    conduct: what is to be used of a Locust that stands there; None: the lab starts its own.
    away: servers and load are somebody else's, see lab.seams.Stage.
    """

    open: Callable[[str], AbstractContextManager[Backend]]  # with the run's label
    missing: Callable[[str], str] = missing  # why a server's need cannot be met there
    nofile: int | None = None  # descriptors of a process there; None: as here
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # to be said before the run, and with its results
    networks: tuple[Network, ...] = ON_PROCESSES  # ways to reach a server that it has
    no_network: str = "it takes containers. Write --backend docker"
    lacking: Callable[[Sequence[Cell]], dict[str, str]] = lambda _cells: {}
    conduct: Callable[[], Conducting] | None = None
    away: bool = False
    instances: int | None = None  # running servers, the fewest of a kind; None: each trial's is new

    def absent(self, cells: Sequence[Cell]) -> dict[str, str]:
        """Return what of the cells cannot be had there, each with the reason."""
        wanted = dict.fromkeys(cell.network for cell in cells)
        found = {lacks.network(n): self.no_network for n in wanted if n not in self.networks}
        return found | self.lacking(cells)


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
        networks=IN_CONTAINERS,
    )


SITES: dict[str, Callable[[], Site]] = {"process": processes, "docker": docker}
