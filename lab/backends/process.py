"""Servers as local processes: no Docker, no root. The default.

A server gets a session of its own, so that Ctrl-C at the terminal is the lab's alone, and LAB_RUN
in its environment, by which `leftovers` finds it when the lab itself was killed. Waiting is done on
pipes and pid descriptors, never by sleeping; signals go through pid descriptors or to unreaped
children, so that none ever hits a stranger who got the same number.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Self

from lab.backends.contract import Address, Exit, StartFailed, StartOptions, verify
from lab.backends.leftovers import KILL_S, LABEL, ends, kill_session
from lab.meter import ProcessMeter
from servers.catalog import SERVERS

HOST = "127.0.0.1"
NS = 1_000_000_000
STDERR_TAIL = 16_384  # bytes kept of what a server wrote to stderr
PIPE_READ = 4096  # bytes
ENVIRONMENT = 5  # exit code of `python -m servers` for a taken port


@dataclass(frozen=True, slots=True)
class ProcessBackend:
    """Starts `python -m servers` with the lab's own interpreter, unless given another."""

    python: str = sys.executable

    def start(self, server: str, protocol: str, options: StartOptions) -> "ProcessTarget":
        """Return when it listens. Raises StartFailed with the server's own last words."""
        log = tempfile.TemporaryFile()  # noqa: SIM115 closed with the target
        try:
            process = subprocess.Popen(
                self._command(server, protocol, options),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **options.env, LABEL: options.label},
                start_new_session=True,
            )
        except OSError as error:
            log.close()
            raise StartFailed(f"{self.python}: {error.strerror}") from error
        target = ProcessTarget(process, log, ProcessMeter(process.pid), exact=is_exact(server))
        try:
            if options.cpu is not None:
                pin(process.pid, options.cpu)
            target.wait_until_listening(options.deadline)
        except BaseException:
            target.kill()
            raise
        return target

    def _command(self, server: str, protocol: str, options: StartOptions) -> list[str]:
        # -P: a folder named servers where the lab happens to run must not be taken for ours
        command = [self.python, "-P", "-m", "servers", server, f"--protocol={protocol}"]
        command += [f"--host={HOST}", f"--port={options.port}", f"--workers={options.workers}"]
        command += [f"--backlog={options.backlog}", f"--nofile={options.nofile or 0}"]
        return [*options.wrapper, *command]


@dataclass(slots=True)
class ProcessTarget:
    """One server process with all that is in its session; killed at the end of a `with`."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    meter: ProcessMeter
    address: Address = (HOST, 0)
    exact: bool = True  # compared byte by byte
    only_killed: bool = False  # never asked to end
    _stdout: bytes = b""
    _exit: Exit | None = None
    _stderr: str = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_until_listening(self, deadline: float) -> None:
        """Read stdout until {"listening": port}. Raises StartFailed."""
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        end = time.monotonic() + deadline
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._stdout:
                if not selector.select(max(0.0, end - time.monotonic())):
                    raise StartFailed(f"not listening after {deadline:g} s. {self.logs()}".strip())
                if not self._read_stdout():
                    raise self._early_exit()
        port = counters(self._stdout).get("listening")
        if port is None:
            raise StartFailed(f"unexpected output: {self._stdout!r}")
        self.address = (HOST, port)

    def verify(self, protocol: str) -> None:
        verify(self.address, protocol, exact=self.exact)

    def stop(self, timeout: float) -> Exit:
        if self._exit is None and not self.only_killed:
            self.resume()
            os.kill(self.pid, signal.SIGTERM)  # the first process only, as a container's end does
            in_time = self._ended(timeout)
            self._exit = self._end(killed=not in_time)
        return self.kill()

    def kill(self) -> Exit:
        if self._exit is None:
            self._exit = self._end(killed=self.alive())
        return self._exit

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)
        if self._exit is None:  # a signal is sent at once and heeded soon: wait until it is
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def alive(self) -> bool:
        return self._exit is None and not self._ended(0)

    def logs(self) -> str:
        if self._exit is not None:
            return self._stderr
        size = self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, size - STDERR_TAIL))
        return self.log.read().decode(errors="replace")

    def _early_exit(self) -> StartFailed:
        end = self._exit = self._end(
            killed=not self._ended(KILL_S)
        )  # its stdout ended, it will too
        lines = end.stderr.strip().splitlines()
        why = lines[-1] if lines else "it said nothing"
        taken = end.exit_code == ENVIRONMENT and "is taken" in why
        return StartFailed(f"exit code {end.exit_code}: {why}", end.exit_code, port_taken=taken)

    def _signal(self, number: signal.Signals) -> None:
        """To all its processes. While the first is unreaped, no stranger can have its number."""
        if self._exit is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _ended(self, timeout: float) -> bool:
        """Wait for the end without reaping: what it used is asked for once, at the very end."""
        descriptor = os.pidfd_open(self.pid)
        try:
            return ends(descriptor, timeout)
        finally:
            os.close(descriptor)

    def _end(self, *, killed: bool) -> Exit:
        """Kill what is left, reap, collect the counters and the last words."""
        if killed:
            self._signal(signal.SIGKILL)
            self._ended(KILL_S)
        escaped = kill_session(self.pid)
        _, status, usage = os.wait4(self.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.stdout is not None:
            self._read_stdout()
            self.process.stdout.close()
        self._stderr = self.logs()
        self.log.close()
        user_ns, system_ns = int(usage.ru_utime * NS), int(usage.ru_stime * NS)
        return Exit(
            exit_code=None if killed else self.process.returncode,
            counters={k: v for k, v in counters(self._stdout).items() if k != "listening"},
            stderr=self._stderr,
            cpu_ns=user_ns + system_ns,
            user_ns=user_ns,
            system_ns=system_ns,
            escaped=escaped,
        )

    def _read_stdout(self) -> bool:
        """Take what is there. False: end of file."""
        assert self.process.stdout is not None
        try:
            data = os.read(self.process.stdout.fileno(), PIPE_READ)
        except BlockingIOError:
            return True
        self._stdout += data
        return bool(data)


def is_exact(server: str) -> bool:
    """Our protocols answer in bytes that are known; a framework's, by what they mean."""
    known = SERVERS.get(server)
    return known is None or known.family != "framework"


def pin(pid: int, cpu: int) -> None:
    """Bind a process that has one thread so far; what it starts later inherits it."""
    try:
        os.sched_setaffinity(pid, {cpu})
    except ProcessLookupError:
        pass  # ended already: whoever waits for it learns why
    except OSError as error:
        raise StartFailed(f"cannot run on CPU {cpu}: {error.strerror}") from error


def counters(output: bytes) -> dict[str, int]:
    """Numbers a server has printed, one JSON object per line; anything else is left out."""
    counters: dict[str, int] = {}
    for line in output.splitlines():
        with suppress(ValueError, AttributeError):
            counters |= {k: v for k, v in json.loads(line).items() if isinstance(v, int)}
    return counters
