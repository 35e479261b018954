"""A Locust master and its workers as local processes: started, pinned, stopped. Speaks no HTTP
itself.

Each runs in its own session (Ctrl-C at the terminal is the lab's to handle) and hangs on a leash:
the read end of a pipe as standard input, whose write end only the lab holds. When the lab is gone,
even by SIGKILL, the kernel closes it and all of them end; their load engines hang on the workers in
the same way.
"""

import contextlib
import importlib.util
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import EnvironmentUnfit
from lab.load import LocustClient
from lab.proc import read_stat
from loadtests.targets import ALLOW, allowed

LOOPBACK = "127.0.0.1"
MISS_S = 10.0  # for the master to miss a dead worker; Locust's heartbeats need 4
POLL_S = 0.02  # between two looks at an ending process
LOG_LINE = re.compile(r"/(ERROR|CRITICAL)/|^\w*(Error|Exception)\b")  # what explains a failed start


@dataclass
class Locusts:
    """A running master with its workers. `names` and `_processes` go in step: the master first."""

    url: str
    token: str = field(repr=False)
    log_dir: Path
    _commands: dict[str, list[str]] = field(repr=False)
    _environment: dict[str, str] = field(repr=False)
    _leash: tuple[int, int] = field(repr=False)
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, repr=False)

    @property
    def pids(self) -> list[int]:
        """Process ids, the master's first. The load engines are not among them."""
        return [process.pid for process in self._processes.values()]

    def alive(self) -> bool:
        """Whether the master and all workers run."""
        return all(process.poll() is None for process in self._processes.values())

    def client(self) -> LocustClient:
        return LocustClient(self.url, self.token)

    def revive(self) -> None:
        """Start anew what has ended; with the master all, as its workers would look for the old one
        for a minute. Then `start_test` waits until the master has all workers again.
        """
        processes = list(self._processes.items())
        master_ended = processes[0][1].poll() is not None
        for name, process in processes:
            if master_ended or process.poll() is not None:
                _end_group(process)
                process.wait()
                self._spawn(name)
        if not master_ended:
            self._wait_until_forgotten()

    def _wait_until_forgotten(self) -> None:
        """Wait until the master misses who is dead: until then it would send trials there."""
        deadline = time.monotonic() + MISS_S
        with contextlib.closing(self.client()) as client, contextlib.suppress(OSError):
            while time.monotonic() < deadline:
                if not any(map(_dead, client.state().engines)):
                    return
                time.sleep(POLL_S)

    def drop_workers(self) -> None:
        """Kill the workers with their engines: a stopped one heeds nothing else."""
        for process in list(self._processes.values())[1:]:
            _end_group(process)
            process.wait()

    def pin(self, cpu: int) -> None:
        """Keep every thread of every Locust process on one CPU. Engines pin themselves."""
        for pid in self.pids:
            pin_threads(pid, cpu)

    def stop(self, deadline_s: float = 10.0) -> None:
        """End all: politely (Locust writes its last CSV), after `deadline_s` seconds by SIGKILL.
        Idempotent.
        """
        deadline = time.monotonic() + deadline_s
        for process in self._processes.values():  # the master first: it tells the workers
            if process.poll() is None:
                process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline - time.monotonic(), POLL_S))
        for process in self._processes.values():
            _end_group(process)
            process.wait()
        for end in self._leash:
            with contextlib.suppress(OSError):  # stopped before
                os.close(end)
        self._leash = (-1, -1)

    def _spawn(self, name: str) -> None:
        with (self.log_dir / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                self._commands[name],
                stdin=self._leash[0],
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=self.log_dir,  # Locust reads ./locust.conf and ./pyproject.toml
                start_new_session=True,
            )

    def _why(self) -> str:
        """Name the ended process and the line of its log that explains it."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                lines = (self.log_dir / f"{name}.log").read_text(errors="replace").splitlines()
                telling = [line for line in lines if LOG_LINE.search(line)] or lines or ["(no log)"]
                return f"{name} ended ({process.returncode}): {telling[-1].strip()}"
        return "all processes run"


def pin_threads(pid: int, cpu: int) -> None:
    """Keep every thread of a process on one CPU. Raises PermissionError."""
    with contextlib.suppress(FileNotFoundError):  # ended
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), {cpu})


def start(
    workers: int = 1,
    *,
    log_dir: Path,
    web_host: str = LOOPBACK,
    web_port: int = 0,
    master_port: int = 0,
    label: str = "",
    targets: Sequence[str] = (),
    locustfiles: Sequence[str] = (),
    cpu: int | None = None,
    csv: bool = False,
    deadline_s: float = 30.0,
) -> Locusts:
    """Start a master and its workers; return when all are connected and each has a load engine.

    Ports of 0: a free one. label: LAB_RUN for all of them and their engines. targets: who may be
    loaded beside loopback and LAB_ALLOW_TARGETS, see loadtests.targets. locustfiles: of users that
    may be run, by absolute path; no others are. csv: Locust's own statistics in
    `log_dir/locust_*.csv`. Raises EnvironmentUnfit, with Locust's own words, when it does not come
    up.
    """
    log_dir = log_dir.resolve()
    log_dir.mkdir(parents=True, exist_ok=True)
    web_port = _free_port(web_host, web_port, "Locust's web page")
    master_port = _free_port(LOOPBACK, master_port, "the Locust master")
    token = secrets.token_hex(16)
    shown = LOOPBACK if web_host in ("", "*", "0.0.0.0", "::") else web_host
    locusts = Locusts(
        f"http://{shown}:{web_port}",
        token,
        log_dir,
        _commands(workers, web_host, web_port, master_port, log_dir / "locust" if csv else None),
        _environment(label, token, targets, locustfiles),
        os.pipe(),
    )
    try:
        for name in locusts._commands:  # noqa: SLF001 # its own module
            locusts._spawn(name)  # noqa: SLF001
        if cpu is not None:
            locusts.pin(cpu)
        _wait_until_up(locusts, deadline_s)
    except BaseException:  # also Ctrl-C: nothing may be left behind
        locusts.stop(0)
        raise
    return locusts


def _wait_until_up(locusts: Locusts, deadline_s: float) -> None:
    """Wait for the master's word, but not longer than its processes live."""
    deadline = time.monotonic() + deadline_s
    client = locusts.client()
    try:
        while True:
            left = deadline - time.monotonic()
            if not locusts.alive():
                raise EnvironmentUnfit(f"Locust does not start: {locusts._why()}")  # noqa: SLF001
            try:
                client.wait_until_up(min(left, 0.2))
            except EnvironmentUnfit:
                if left <= 0:
                    raise
            else:
                return
    finally:
        client.close()


def _commands(
    workers: int, web_host: str, web_port: int, master_port: int, csv: Path | None
) -> dict[str, list[str]]:
    found = importlib.util.find_spec("loadtests")
    if found is None or not found.submodule_search_locations:
        raise EnvironmentUnfit("the package loadtests is not installed")
    locustfile = Path(found.submodule_search_locations[0]) / "locustfile.py"
    base = [sys.executable, "-m", "locust", "-f", str(locustfile)]
    master = [
        *base,
        "--master",
        "--master-bind-host",
        LOOPBACK,
        "--master-bind-port",
        str(master_port),
    ]
    master += [
        "--web-host",
        web_host,
        "--web-port",
        str(web_port),
        "--expect-workers",
        str(workers),
    ]
    master += ["--csv", str(csv)] if csv else []
    worker = [*base, "--worker", "--master-host", LOOPBACK, "--master-port", str(master_port)]
    return {
        "locust-master": master,
        **{f"locust-worker-{number}": worker for number in range(1, workers + 1)},
    }


def _environment(
    label: str, token: str, targets: Sequence[str], locustfiles: Sequence[str]
) -> dict[str, str]:
    """Return the environment without LOCUST_*: those would be options that nobody sees."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LOCUST_")}
    may = ",".join([*allowed(os.environ), *targets])
    run = os.pathsep.join(locustfiles)
    ours = {"LAB_RUN": label, "LAB_TOKEN": token, "LAB_LEASH": "1", ALLOW: may}
    return {**kept, **ours, "LAB_LOCUSTFILES": run}


def _free_port(host: str, port: int, what: str) -> int:
    """Return `port`, or any free one for 0. Raises EnvironmentUnfit when it is taken."""
    address = "" if host == "*" else host
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT is no owner
        try:
            probe.bind((address, port))
        except OSError as error:
            raise EnvironmentUnfit(
                f"port {port} for {what} cannot be had on {host}: {error.strerror}"
            ) from error
        return int(probe.getsockname()[1])


def _dead(pid: int) -> bool:
    """Ended, reaped or not."""
    stat = read_stat(pid)
    return stat is None or stat.state in "ZX"


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a process's session: it leads a group that holds its load engine too."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
