"""Servers in containers: one container for each start, in the run's own network.

Load goes from this machine straight to the container's address: nothing is published, so no proxy
stands between. The trial's own port is used, as on local processes. What the container may do is
the same for all (lab.backends.containers); what it says is in lab.backends.container_words, how it
is metered in lab.cgroup.

The account of its CPU time vanishes with the container. It is closed in between: when the server's
first process has ended, which a pid descriptor tells at once, and before the engine, which learns
it through the container's init, has removed the control group some 20 ms later.
"""

import os
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

from lab import cgroup
from lab.backends import containers, networks
from lab.backends.container_words import (
    TAKEN,
    attached,
    early_exit,
    outcome,
    wait_until_listening,
    written,
)
from lab.backends.containers import EngineError, EngineSilent, explained
from lab.backends.contract import Address, Exit, StartFailed, StartOptions, Target, verify
from lab.backends.networks import Network, Spot
from lab.backends.process import ProcessBackend, counters, is_exact
from lab.cgroup import CgroupMeter, OutOfReach
from lab.errors import EnvironmentUnfit
from lab.meter import Gone
from lab.proc import first_process
from lab.record import MeterReading
from servers.core.contract import BACKLOG

PORT = 7001  # as in compose/servers.yml, where no trial has drawn one
ENDED_BY_OTHERS = (
    "not the lab has ended it: was the Docker engine restarted, or docker stop used?\n"
)


@dataclass(frozen=True, slots=True)
class DockerBackend:
    """Starts `python -m servers` in a container of an image, in the network of a run."""

    client: Any
    image: str
    network: Network
    find: Callable[[int, str], cgroup.Group] = cgroup.find

    @property
    def targets(self) -> list[str]:
        """Whom the load must be let to reach, see loadtests.targets."""
        return [str(self.network.subnet)]

    def start(self, server: str, protocol: str, options: StartOptions) -> Target:
        """Return when it listens. Raises StartFailed with the server's own last words.

        EngineSilent: the engine is gone and does not come back. If it does, this start has failed.
        """
        if options.network == "loopback":
            return ProcessBackend().start(server, protocol, options)
        try:
            return self._start(server, protocol, options)
        except EngineSilent as silent:
            containers.wait_until_back(self.client)
            raise StartFailed("the Docker engine was restarted: this start is lost") from silent

    def _start(self, server: str, protocol: str, options: StartOptions) -> "ContainerTarget":
        spot = self._spot(options)
        pinned = {} if options.cpu is None else {"cpuset_cpus": str(options.cpu)}
        try:
            container = containers.create(
                self.client,
                options.label,
                self.image,
                entrypoint=["python", "-m", "servers"],
                command=_words(server, protocol, spot, options),
                environment=dict(options.env),
                io_uring=options.io_uring,
                **spot.arguments,
                **pinned,
            )
        except EngineError as error:
            raise StartFailed(str(error)) from error
        try:
            return self._begin(container, server, spot, options)
        except BaseException:
            remove(container)
            raise

    def _spot(self, options: StartOptions) -> Spot:
        port = options.port or PORT
        if options.network == "host":
            return networks.on_host(port)
        if options.network == "published":
            return networks.published(self.client, options.label, port)
        return self.network.spot(self.client, port)

    def _begin(
        self, container: Any, server: str, spot: Spot, options: StartOptions
    ) -> "ContainerTarget":
        try:
            with explained():
                with attached(container) as stream:
                    container.start()
                    wait_until_listening(container, stream, options.deadline)
                container.reload()
        except EngineError as error:
            raise StartFailed(str(error), port_taken=bool(TAKEN.search(str(error)))) from error
        meter = metered(container, self.find)
        return ContainerTarget(
            container, meter, first_process(meter.init), spot.address, exact=is_exact(server)
        )


def metered(container: Any, find: Callable[[int, str], cgroup.Group]) -> CgroupMeter:
    """Open the account of a container that runs. Raises StartFailed, EnvironmentUnfit."""
    init = int(container.attrs["State"]["Pid"])
    try:
        return CgroupMeter(init, find(init, container.id))
    except OutOfReach as error:
        raise EnvironmentUnfit(
            f"the engine's containers cannot be metered from here: {error}. The engine must "
            "run on this very machine, not in a virtual one; or run with --backend process."
        ) from error
    except Gone as error:
        raise early_exit(container) from error


def _words(server: str, protocol: str, spot: Spot, options: StartOptions) -> list[str]:
    """The server's command line; a wrapper stands for nothing here: strace is not in the image."""
    words = [server, f"--protocol={protocol}", f"--host={spot.binds}", f"--port={spot.address[1]}"]
    words += [f"--workers={options.workers}", f"--backlog={options.backlog or BACKLOG}"]
    return [*words, f"--nofile={options.nofile or 0}"]


@dataclass(slots=True)
class ContainerTarget:
    """One server in its container; removed at the end of a `with`."""

    container: Any
    meter: CgroupMeter
    pid: int  # of the server's first process, as this machine counts
    address: Address
    exact: bool = True  # compared byte by byte
    _exit: Exit | None = None
    _stderr: str = ""
    _handle: int = field(init=False, default=-1)
    _paused: bool = False

    def __post_init__(self) -> None:
        with suppress(ProcessLookupError):  # ended already: alive() says so
            self._handle = os.pidfd_open(self.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()

    def verify(self, protocol: str) -> None:
        verify(self.address, protocol, exact=self.exact)

    def stop(self, timeout: float) -> Exit:
        if self._exit is None:
            self.resume()
            early = self._ended(0)
            self._try(partial(self.container.kill, "SIGTERM"))  # init hands it on
            self._exit = self._end(killed=not self._ended(timeout))
            if early and not self._exit.exit_code:  # 0, or nobody knows
                self._exit = replace(self._exit, stderr=self._exit.stderr + ENDED_BY_OTHERS)
        return self._exit

    def kill(self) -> Exit:
        if self._exit is None:
            self._exit = self._end(killed=self.alive())
        return self._exit

    def pause(self) -> None:
        self._try(self.container.pause)
        self._paused = True

    def resume(self) -> None:
        if self._paused:
            self._try(self.container.unpause)
        self._paused = False

    def alive(self) -> bool:
        return self._exit is None and not self._ended(0)

    def logs(self) -> str:
        return self._stderr if self._exit is not None else written(self.container, stderr=True)

    def _try(self, act: Callable[[], object]) -> None:
        """Do it unless the container is not, or no more, in a state for it."""
        if self._exit is None:
            with suppress(EngineError, EngineSilent), explained():
                act()

    def _ended(self, timeout: float) -> bool:
        """Wait for the server's end; a pid descriptor is readable then, pidfd_open(2)."""
        if self._handle < 0:
            return True
        with selectors.DefaultSelector() as selector:
            selector.register(self._handle, selectors.EVENT_READ)
            return bool(selector.select(timeout))

    def _end(self, *, killed: bool) -> Exit:
        """Close the account, have the container end, collect its last words, remove it."""
        account, escaped = self._close(killed=killed)
        if killed:
            self._try(partial(self.container.kill, "SIGKILL"))
        code, words = outcome(self.container)
        said = counters(written(self.container, stdout=True).encode())
        self._stderr = written(self.container, stderr=True) + words
        remove(self.container)
        self.meter.close()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        return Exit(
            exit_code=None if killed else code,
            counters={name: value for name, value in said.items() if name != "listening"},
            stderr=self._stderr,
            cpu_ns=account.cpu_ns if account else 0,
            user_ns=account.user_ns if account else 0,
            system_ns=account.system_ns if account else 0,
            escaped=escaped,
        )

    def _close(self, *, killed: bool) -> tuple[MeterReading | None, int]:
        """Read once more, or take the newest; and count who is left though the server has gone."""
        with suppress(Gone):
            last = self.meter.glance()
            return last, 0 if killed else len(self.meter.members())
        return self.meter.last, 0


def remove(container: Any) -> None:
    with suppress(EngineError, EngineSilent), explained():  # in the end all is removed by label
        container.remove(force=True, v=True)


@contextmanager
def opened(client: Any, image: str, run: str) -> Iterator[DockerBackend]:
    """A backend for one run: its network is made first, all of the run is removed at last."""
    with networks.network(client, run) as network:
        yield DockerBackend(client, image, network)
