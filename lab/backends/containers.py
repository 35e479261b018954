"""The Docker engine as the lab uses it: what a container is given, the labels, foreign errors.

Rules: every container and network carries the run's label, and only what carries it is removed.
All containers are made alike, whichever server is in them; nothing is published, nothing mounted.
A foreign error leaves here as EngineError (the engine said no) or EngineSilent (it says nothing).
An engine that is restarted in the middle of a run takes the containers along, not the run: whoever
needs it waits until it is back.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeVar

import docker  # type: ignore[import-untyped]
from docker.errors import APIError, DockerException, NotFound  # type: ignore[import-untyped]
from docker.types import LogConfig  # type: ignore[import-untyped]
from requests.exceptions import RequestException

from lab.errors import EnvironmentUnfit

PROJECT, RUN = "org.iolab.project", "org.iolab.run"  # labels; the second one is the run's id
NAME = "io-lab"
IMAGE = "io-lab-server"  # LAB_SERVER_IMAGE names another one
ANSWER_S = 60.0  # for a busy engine to answer; it needs half a second to start a container
BACK_S = 60.0  # for an engine that is being restarted; its start takes some seconds
BACK_TO_CLEAN_S = 10.0  # the same where only what is left is to be removed
ASK_S = 0.2  # between two looks at it
TRIES = 5  # to remove what it does not let go of
MEMORY, PIDS = "1g", 4096  # as in compose/servers.yml; `threads` has one for each client
TMP = "rw,noexec,nosuid,nodev,size=16m,mode=1777"
USER = "65532:65532"
NOT_COMPOSED = dict.fromkeys(  # an image has these of its build, and `docker compose down` would
    (f"com.docker.compose.{name}" for name in ("project", "service", "version")), ""
)  # take a run's containers for its own
PROFILES = Path(__file__).parents[2] / "compose"
PROFILE, WITH_RING = "seccomp.json", "seccomp-io-uring.json"

T = TypeVar("T")


class EngineError(Exception):
    """The engine refused, in its own words."""


class EngineSilent(EnvironmentUnfit):
    """There is no engine, or it does not answer."""


@contextmanager
def explained() -> Iterator[None]:
    """Map what the Docker SDK raises."""
    try:
        yield
    except APIError as error:
        said = error.explanation or str(error)
        raise EngineError(" ".join(said.split())) from error
    except (DockerException, RequestException, OSError) as error:
        raise EngineSilent(
            f"the Docker engine does not answer ({_reason(error)}). Start it, and see that you may "
            "use its socket (`docker info`); or run with --backend process."
        ) from error


def _reason(error: BaseException) -> str:
    """Say what lies beneath: the SDK wraps an error of the system three times."""
    seen = set()  # one that is raised again may stand beneath itself
    while (beneath := error.__cause__ or error.__context__) and id(error) not in seen:
        seen.add(id(error))
        error = beneath
    return getattr(error, "strerror", None) or str(error)


def connect() -> Any:
    """Return the SDK's client of the engine that the environment names. Raises EnvironmentUnfit."""
    with explained():
        return docker.from_env(timeout=ANSWER_S)


def wait_until_back(client: Any, patience: float = BACK_S) -> None:
    """Return when the engine answers, which may be restarting just now. Raises EngineSilent."""
    end = time.monotonic() + patience
    while True:
        try:
            with explained():
                client.ping()
        except (EngineError, EngineSilent):  # it says no while it starts
            if time.monotonic() > end:
                raise
        else:
            return
        time.sleep(ASK_S)


def image_name() -> str:
    return os.environ.get("LAB_SERVER_IMAGE") or IMAGE


def image_id(client: Any, name: str) -> str:
    """Find an image; never pulled. Raises EnvironmentUnfit."""
    with explained():
        try:
            return str(client.images.get(name).id)
        except NotFound:
            raise EnvironmentUnfit(
                f"there is no image {name}. Build it: make images (or: docker compose build)"
            ) from None


def profile(*, io_uring: bool = False) -> list[str]:
    """Return the lab's seccomp profile as an option: the same for all arms, for it costs time.

    io_uring: the one that lets it pass. The kernel's bugs in it have been many: only where an
    experiment needs it, and then for all its arms (docs/containers.md).
    """
    with suppress(OSError):
        text = (PROFILES / (WITH_RING if io_uring else PROFILE)).read_text(encoding="utf-8")
        return [f"seccomp={text}"]  # the text, not the path
    return []  # the engine's own


def own_label() -> str:
    """Return a label for what belongs to no run and to this process."""
    return f"look@{os.getpid()}"


def labels(run: str) -> dict[str, str]:
    return {PROJECT: NAME, RUN: run}


def confined(run: str, *, io_uring: bool = False) -> dict[str, Any]:
    """What every container is given, as arguments of the SDK's create().

    No limit of open files: a container has what the engine's own limit allows, and asking for more
    fails. No restart, no health check: it would be billed to the server.
    """
    return {
        "labels": {**NOT_COMPOSED, **labels(run)},
        "user": USER,
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true", *profile(io_uring=io_uring)],
        "tmpfs": {"/tmp": TMP},  # noqa: S108 # the container's own
        "mem_limit": MEMORY,
        "memswap_limit": MEMORY,  # no swap on top
        "pids_limit": PIDS,
        "init": True,  # hands SIGTERM on and reaps
        "log_config": LogConfig(type="json-file", config={"max-size": "1m", "max-file": "1"}),
        "use_config_proxy": False,
    }


def whole(work: Callable[[], T]) -> T:
    """Run to the end even if Ctrl-C comes: what is being made can be removed once it is there."""
    found: list[T] = []
    raised: list[BaseException] = []
    over = Event()

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:  # noqa: BLE001 raised again below
            raised.append(error)
        over.set()

    try:
        Thread(target=run, daemon=True, name="whole").start()
        over.wait()
    finally:
        over.wait(ANSWER_S)  # interrupted: not for ever, for the thread may not have begun
    if raised:
        raise raised[0]
    return found[0]


def create(client: Any, run: str, image: str, *, io_uring: bool = False, **arguments: Any) -> Any:
    """Make a container; it does not run yet. Raises EngineError."""
    given = {**confined(run, io_uring=io_uring), **arguments}
    with explained():
        return whole(lambda: client.containers.create(image, **given))


@dataclass(frozen=True, slots=True)
class Left:
    """What carries a run's label."""

    run: str
    containers: int
    networks: int


def left(client: Any) -> list[Left]:
    """Return what there is of any run, by run."""
    counts: dict[str, list[int]] = {}
    with explained():
        for kind, collection in enumerate((_containers(client, RUN), _networks(client, RUN))):
            for one in collection:
                counts.setdefault(_label(one), [0, 0])[kind] += 1
    return [Left(run, *numbers) for run, numbers in sorted(counts.items())]


def remove(client: Any, run: str) -> list[str]:
    """Remove all containers and networks of a run; what has gone meanwhile is no error.

    Returns what the engine does not let go of, in its words: no reason to lose a finished run.
    Raises EngineSilent when the engine does not come back: then `lab clean` has to do it later.
    """
    if not run:
        return []  # an empty label would match those of every run
    mark = f"{RUN}={run}"
    try:
        wait_until_back(client, BACK_TO_CLEAN_S)
    except EngineSilent as silent:
        raise EngineSilent(
            f"{silent} What was finished is kept; `lab clean` removes what is left in the engine."
        ) from silent
    with explained():
        found = [*_containers(client, mark), *_networks(client, mark)]
    options: dict[str, Any] = {"force": True, "v": True}
    return [
        words for one in found if (words := _let_go(one, options if hasattr(one, "kill") else {}))
    ]


def _let_go(one: Any, options: Mapping[str, Any]) -> str:
    """Remove a container or a network; "", or why it stays.

    A network may have "active endpoints" though no container is left in it, for a moment or until
    the engine is restarted: moby issue 42119.
    """
    why = ""
    for _ in range(TRIES):
        try:
            with explained(), suppress(NotFound):
                one.remove(**options)
        except EngineError as error:
            why = str(error)
            time.sleep(ASK_S)
        else:
            return ""
    return why


def _containers(client: Any, mark: str) -> Any:
    return client.containers.list(all=True, filters={"label": mark}, ignore_removed=True)


def _networks(client: Any, mark: str) -> Any:
    return client.networks.list(filters={"label": mark})


def _label(one: Any) -> str:
    held: Mapping[str, str] = (
        one.attrs.get("Labels") or one.attrs.get("Config", {}).get("Labels") or {}
    )
    return held.get(RUN, "")
