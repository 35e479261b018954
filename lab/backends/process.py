"""Servers as local processes: no Docker, no root. The default.

A server gets a session of its own, so that Ctrl-C at the terminal is the lab's alone, and LAB_RUN in
its environment, by which `leftovers` finds it when the lab itself was killed. Waiting is done on pipes
and pid descriptors, never by sleeping; signals go through pid descriptors or to unreaped children, so
that none ever hits a stranger who got the same number.
"""

import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from lab.backends.contract import Address, Exit, StartFailed, StartOptions, verify
from lab.meter import Gone, ProcessMeter, read_all, read_stat

HOST = "127.0.0.1"
LABEL = "LAB_RUN"
KILL_S = 5.0  # seconds for the kernel to end a killed process; it needs milliseconds
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
        process = subprocess.Popen(
            self._command(server, protocol, options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **options.env, LABEL: options.label},
            start_new_session=True,
        )
        target = ProcessTarget(process, log)
        try:
            if options.cpu is not None:
                os.sched_setaffinity(process.pid, {options.cpu})
            target.wait_until_listening(options.deadline)
        except OSError as error:
            target.kill()
            raise StartFailed(f"{server}: cannot run on CPU {options.cpu}: {error}") from error
        except BaseException:
            target.kill()
            raise
        return target

    def _command(self, server: str, protocol: str, options: StartOptions) -> list[str]:
        # -P: a folder named servers where the lab happens to run must not be taken for ours
        command = [self.python, "-P", "-m", "servers", server, f"--protocol={protocol}"]
        command += [f"--host={HOST}", f"--port={options.port}", f"--workers={options.workers}"]
        return [*command, f"--backlog={options.backlog}", f"--nofile={options.nofile or 0}"]


@dataclass(slots=True)
class ProcessTarget:
    """One server process with its children: all that is in its session."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    address: Address = (HOST, 0)
    _meter: ProcessMeter | None = None
    _stdout: bytes = b""
    _exit: Exit | None = field(default=None)
    _stderr: str = ""

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def meter(self) -> ProcessMeter:
        if self._meter is None:
            raise Gone(f"process {self.pid} has not started")
        return self._meter

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
        port = _json_lines(self._stdout).get("listening")
        if port is None:
            raise StartFailed(f"unexpected output: {self._stdout!r}")
        self.address = (HOST, port)
        self._meter = ProcessMeter(self.pid)

    def verify(self, protocol: str) -> None:
        verify(self.address, protocol)

    def stop(self, timeout: float) -> Exit:
        if self._exit is None:
            self.resume()
            self._signal(signal.SIGTERM)
            in_time = self._ended(timeout)
            self._exit = self._end(killed=not in_time)
        return self._exit

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
        end = self.kill()
        lines = end.stderr.strip().splitlines()
        why = lines[-1] if lines else "it said nothing"
        taken = end.exit_code == ENVIRONMENT and "is taken" in why
        return StartFailed(f"exit code {end.exit_code}: {why}", end.exit_code, port_taken=taken)

    def _signal(self, number: signal.Signals) -> None:
        """To the whole session's group: as long as its leader is unreaped, no other can have it."""
        if self._exit is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _ended(self, timeout: float) -> bool:
        """Wait for the end without reaping: what it used is asked for once, at the very end."""
        descriptor = os.pidfd_open(self.pid)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(descriptor, selectors.EVENT_READ)
                return bool(selector.select(timeout))
        finally:
            os.close(descriptor)

    def _end(self, *, killed: bool) -> Exit:
        """Kill what is left, reap, collect the counters and the last words."""
        if killed:
            self._signal(signal.SIGKILL)
            self._ended(KILL_S)
        escaped = self._kill_session()
        _, status, usage = os.wait4(self.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self._read_stdout()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._stderr = self.logs()
        self.log.close()
        return Exit(
            exit_code=None if killed else self.process.returncode,
            counters=_json_lines(self._stdout, without="listening"),
            stderr=self._stderr,
            **_times(usage),
            escaped=escaped,
        )
