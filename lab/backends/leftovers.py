"""What a killed lab left running, found by its label and ended; and what a server left behind.

Signals go through pid descriptors, so that none ever hits a stranger who got the same number.
"""

import os
import selectors
import signal
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from lab.proc import read_all, read_stat

LABEL = "LAB_RUN"  # the environment variable that names the run a process belongs to
KILL_S = 5.0  # seconds for the kernel to end a killed process; it needs milliseconds


@dataclass(frozen=True, slots=True)
class Leftover:
    """A process of a run whose lab is no more."""

    pid: int
    run: str
    started: int  # since boot, in ticks: with it, a process id is unique


def leftovers() -> list[Leftover]:
    """Every process that carries a run's label in its environment, except ourselves."""
    found = []
    for pid, stat in read_all().items():
        with suppress(OSError):  # ended, or another user's
            for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                name, _, run = entry.decode(errors="replace").partition("=")
                if name == LABEL and pid != os.getpid() and stat.state not in "ZX":
                    found.append(Leftover(pid, run, stat.started))
    return found


def remove(processes: Iterable[Leftover], timeout: float = KILL_S) -> None:
    """SIGTERM to each; SIGKILL to those still there after the timeout. Never hits a reused id."""
    end = time.monotonic() + timeout
    with ExitStack() as stack:
        descriptors = [fd for one in processes if (fd := _hold(one.pid, one.started)) is not None]
        for descriptor in descriptors:
            stack.callback(os.close, descriptor)
            _send(descriptor, signal.SIGTERM)
            _send(descriptor, signal.SIGCONT)  # a paused one would not hear it
        for descriptor in descriptors:
            if not ends(descriptor, max(0.0, end - time.monotonic())):
                _send(descriptor, signal.SIGKILL)
                ends(descriptor, KILL_S)


def kill_session(leader: int) -> int:
    """Kill what the leader of a session left behind, and tell how many there were."""
    stats = {pid: stat for pid, stat in read_all().items() if stat.session == leader != pid}
    left = {pid: stat.started for pid, stat in stats.items() if stat.state not in "ZX"}
    for pid, started in left.items():
        descriptor = _hold(pid, started)
        if descriptor is not None:
            _send(descriptor, signal.SIGKILL)
            ends(descriptor, KILL_S)
            os.close(descriptor)
    return len(left)


def _hold(pid: int, started: int) -> int | None:
    """A descriptor of exactly this process. None: it has ended, whoever has its id now."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    stat = read_stat(pid)
    if stat is not None and stat.started == started:
        return descriptor
    os.close(descriptor)
    return None


def _send(descriptor: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(descriptor, number)


def ends(descriptor: int, timeout: float) -> bool:
    """Wait until the process has ended; a pid descriptor is readable then, pidfd_open(2)."""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(timeout))
