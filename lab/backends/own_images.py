"""Images of lab.yaml in containers, beside the catalog's servers.

Confined as all containers of the lab are, in the run's network, one CPU, metered by the control
group. The image keeps its entrypoint and its environment. It may write to /tmp and to what `tmpfs`
names, and nowhere else.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from docker.types import Ulimit  # type: ignore[import-untyped]

from lab import cgroup
from lab.backends import containers
from lab.backends.container_words import early_exit
from lab.backends.containers import TMP, EngineError, EngineSilent, explained
from lab.backends.contract import Backend, Exit, StartFailed, StartOptions, Target, verify
from lab.backends.docker import PORT, ContainerTarget, metered, remove
from lab.backends.foreign import forgiven, wait_until_accepting
from lab.backends.networks import Network
from lab.errors import EnvironmentUnfit
from lab.own_servers import OwnServer, variables, words
from lab.proc import first_process

ANY = "0.0.0.0"  # inside: the container's own network has nobody else to be kept out


@dataclass(frozen=True, slots=True)
class OwnImages:
    """Starts the images; what is none of them, the inner backend does."""

    inner: Backend
    own: Mapping[str, OwnServer]
    client: Any
    network: Network
    find: Callable[[int, str], cgroup.Group] = cgroup.find

    def start(self, server: str, protocol: str, options: StartOptions) -> Target:
        """Return when it accepts connections. Raises StartFailed with its last words."""
        one = self.own.get(server)
        if one is None:
            return self.inner.start(server, protocol, options)
        try:
            return self._start(one, options)
        except EngineSilent as silent:
            containers.wait_until_back(self.client)
            raise StartFailed("the Docker engine was restarted: this start is lost") from silent

    def _start(self, one: OwnServer, options: StartOptions) -> "OwnContainer":
        port = one.port or options.port or PORT
        try:
            container = containers.create(
                self.client,
                options.label,
                str(one.image),
                **arguments(one, port, options),
                network=self.network.name,  # an address of the engine's choice: there may be two
            )
        except EngineError as error:
            raise StartFailed(str(error)) from error
        try:
            return self._begin(container, one, port, options)
        except BaseException:
            remove(container)
            raise

    def _begin(
        self, container: Any, one: OwnServer, port: int, options: StartOptions
    ) -> "OwnContainer":
        try:
            with explained():
                container.start()
        except EngineError as error:
            raise StartFailed(str(error)) from error
        ended = partial(_ended, container)
        if ended(0):
            raise early_exit(container)
        host = container.attrs["NetworkSettings"]["Networks"][self.network.name]["IPAddress"]
        wait_until_accepting((host, port), options.deadline, ended)
        if ended(0):
            raise early_exit(container)
        meter = metered(container, self.find)
        return OwnContainer(
            container,
            meter,
            first_process(meter.init),
            (host, port),
            exact=one.is_exact,
            path=one.path,
        )


def arguments(one: OwnServer, port: int, options: StartOptions) -> dict[str, Any]:
    """Return what the image's container is given beside what all are given."""
    values = {"host": ANY, "port": port, "workers": options.workers}
    given: dict[str, Any] = {
        "environment": {**variables(one, values), **options.env},
        "tmpfs": dict.fromkeys(["/tmp", *one.tmpfs], TMP),  # noqa: S108 # the container's own
        "io_uring": options.io_uring,
    }
    if one.command:
        given["command"] = words(one, values)
    if options.cpu is not None:
        given["cpuset_cpus"] = str(options.cpu)
    if options.nofile:
        limit = Ulimit(name="nofile", soft=options.nofile, hard=options.nofile)
        given["ulimits"] = [limit]
    return given


def _ended(container: Any, seconds: float) -> bool:
    """Wait so long, and ask the engine whether it has ended."""
    time.sleep(seconds)
    with suppress(EngineError), explained():
        container.reload()
    return bool(container.attrs["State"]["Status"] != "running")


@dataclass
class OwnContainer(ContainerTarget):
    """An image that runs."""

    path: str = ""  # of http: what one exchange asks for

    def verify(self, protocol: str) -> None:
        verify(self.address, protocol, exact=self.exact, path=self.path)

    def stop(self, timeout: float) -> Exit:
        self._exit = forgiven(super().stop(timeout))
        return self._exit


def missing(one: OwnServer) -> str:
    """Say why an image cannot be run; "": it can. Images are never pulled."""
    try:
        image_id(one)
    except EnvironmentUnfit as error:
        return str(error)
    return ""


def image_id(one: OwnServer) -> str:
    """Find the image. Raises EnvironmentUnfit."""
    client = containers.connect()
    try:
        with explained():
            return str(client.images.get(one.image).id)
    except EngineError:
        raise EnvironmentUnfit(
            f"there is no image {one.image}. Build it, or fetch it: docker pull {one.image}"
        ) from None
    finally:
        client.close()
