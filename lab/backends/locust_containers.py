"""A Locust master and its workers in containers, beside the servers in the run's network.

As lab.backends.locusts with local processes, and as confined as the servers. The lab speaks to the
master at its address in that network; this machine reaches the page there, nothing is published.
When the lab is killed they stay until `lab clean`: no leash goes into a container. Locust's own CSV
files are not kept, its logs are. Pinning the threads of another user's processes takes root.
"""

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.backends import containers
from lab.backends.containers import EngineError, explained
from lab.backends.locusts import pin_threads
from lab.backends.networks import Network
from lab.errors import EnvironmentUnfit
from lab.load import LocustClient
from lab.proc import first_process, read_stat
from loadtests.targets import ALLOW

IMAGE = "io-lab-locust"  # LAB_LOCUST_IMAGE names another one
WEB_PORT = 8089
MASTER_HOST = 20  # in the network; the workers follow: 198.19.255.21 and on
MEMORY = "2g"  # as in compose/load.yml
TMP = "rw,noexec,nosuid,nodev,size=64m,mode=1777"
UP_S = 60.0  # for all to come up: Locust alone needs two
SYSCTLS = {  # one address is the source of all connections: use its ports, and use them again
    "net.ipv4.ip_local_port_range": "1024 65535",
    "net.ipv4.tcp_tw_reuse": "1",
}
MASTER = "locust-master"


@dataclass
class LocustContainers:
    """A running master with its workers. `_given` and `_running` go in step: the master first."""

    client_: Any = field(repr=False)  # of the engine
    network: Network
    label: str
    token: str = field(repr=False)
    log_dir: Path
    web_port: int
    _given: dict[str, dict[str, Any]] = field(repr=False)
    _running: dict[str, tuple[Any, int]] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        """Where the page is, for this machine only."""
        return f"http://{self.network.subnet[MASTER_HOST]}:{self.web_port}"

    @property
    def pids(self) -> list[int]:
        """Process ids here, the master's first. The load engines are not among them."""
        return [pid for _, pid in self._running.values()]

    def alive(self) -> bool:
        """Whether the master and all workers run."""
        return all(map(_runs, self.pids))

    def client(self) -> LocustClient:
        return LocustClient(self.url, self.token)

    def revive(self) -> None:
        """Start anew what has ended; with the master all, for they would look for the old one."""
        master_ended = not _runs(self._running[MASTER][1])
        for name, (_, pid) in list(self._running.items()):
            if master_ended or not _runs(pid):
                self._end(name)
                self.spawn(name)

    def drop_workers(self) -> None:
        """Replace the workers: a stopped one heeds nothing."""
        for name in [*self._running][1:]:
            self._end(name)
            self.spawn(name)

    def pin(self, cpu: int) -> None:
        """Keep every thread of every Locust process on one CPU. Engines pin themselves."""
        try:
            for pid in self.pids:
                pin_threads(pid, cpu)
        except PermissionError as error:
            raise EnvironmentUnfit(
                "Locust in containers can be kept on its CPU by root only. Leave --locust out."
            ) from error

    def stop(self, deadline_s: float = 10.0) -> None:
        """End all, keep their logs. Idempotent."""
        del deadline_s  # nothing is lost by SIGKILL: they write no file
        for name in list(self._running):
            self._end(name)

    def spawn(self, name: str) -> None:
        """Start the container of that name. Raises EnvironmentUnfit."""
        try:
            made = containers.create(self.client_, self.label, locust_image(), **self._given[name])
            with explained():
                made.start()
                made.reload()
        except EngineError as error:
            raise EnvironmentUnfit(f"{name} cannot be started: {error}") from error
        self._running[name] = (made, first_process(int(made.attrs["State"]["Pid"])))

    def why(self) -> str:
        """Return the last line of whoever has ended."""
        for name, (made, pid) in self._running.items():
            if not _runs(pid):
                with suppress(EngineError, EnvironmentUnfit), explained():
                    said = made.logs(tail=5).decode(errors="replace").strip().splitlines()
                    return f"{name} ended: {said[-1] if said else 'it said nothing'}"
        return "all of them run"

    def _end(self, name: str) -> None:
        made, _ = self._running.pop(name)
        with suppress(EngineError, EnvironmentUnfit), explained():
            made.kill("SIGKILL")
        with suppress(EngineError, EnvironmentUnfit, OSError), explained():
            text = made.logs()
            with (self.log_dir / f"{name}.log").open("ab") as log:
                log.write(text)
        with suppress(EngineError, EnvironmentUnfit), explained():
            made.remove(force=True, v=True)


def locust_image() -> str:
    return os.environ.get("LAB_LOCUST_IMAGE") or IMAGE


def start(
    client: Any,
    network: Network,
    *,
    workers: int,
    web_port: int,
    label: str,
    log_dir: Path,
    targets: Sequence[str] = (),
) -> LocustContainers:
    """Start a master and its workers; return when all are connected and have a load engine.

    web_port: 0 for the usual one. targets: who may be loaded, see loadtests.targets; the run's own
    network always. Raises EnvironmentUnfit.
    """
    containers.image_id(client, locust_image())
    token, port = secrets.token_hex(16), web_port or WEB_PORT
    may = ",".join([str(network.subnet), *targets])
    given = _commands(client, network, workers, port, {"LAB_TOKEN": token, ALLOW: may})
    made = LocustContainers(client, network, label, token, log_dir, port, given)
    try:
        for name in given:
            made.spawn(name)
        speaking = made.client()
        try:
            speaking.wait_until_up(UP_S)
        except EnvironmentUnfit as error:
            raise EnvironmentUnfit(f"{error}; {made.why()}") from error
        finally:
            speaking.close()
    except BaseException:  # also Ctrl-C: nothing may be left behind
        made.stop()
        raise
    return made


def _commands(
    client: Any, network: Network, workers: int, port: int, environment: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Return the arguments of create() by name, the master first. environment: of the master; the
    workers are not told its token.
    """
    alike = {"mem_limit": MEMORY, "memswap_limit": MEMORY, "tmpfs": {"/tmp": TMP}}  # noqa: S108
    master = ["--master", f"--web-port={port}", f"--expect-workers={workers}"]
    worker = ["--worker", f"--master-host={network.subnet[MASTER_HOST]}"]
    given = {
        MASTER: {
            **alike,
            **network.place(client, MASTER_HOST),
            "command": master,
            "environment": environment,
        }
    }
    for number in range(1, workers + 1):
        given[f"locust-worker-{number}"] = {
            **alike,
            **network.place(client, MASTER_HOST + number),
            "command": worker,
            "environment": {ALLOW: environment[ALLOW]},
            "sysctls": SYSCTLS,
        }
    return given


def _runs(pid: int) -> bool:
    stat = read_stat(pid)
    return stat is not None and stat.state not in "ZX"
