"""The real stage: this machine's clock, its counters, and the Locust that stands for a run."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from lab import host, machine, tracked
from lab.errors import TrialFailed
from lab.host import Placement
from lab.load import LOST, LocustClient
from lab.meter import cpu_clock_ns
from lab.orders import Order
from lab.record import EngineResult, LocustCount
from loadtests.engine import sockdiag


class Conducting(Protocol):
    """A standing Locust: local processes, or containers."""

    @property
    def url(self) -> str:
        """Its page."""

    @property
    def pids(self) -> list[int]:
        """Its processes here, load engines excluded."""

    def client(self) -> LocustClient:
        """Return a new client of the master."""

    def alive(self) -> bool:
        """Whether all of it runs."""

    def revive(self) -> None:
        """Start anew what has ended."""

    def drop_workers(self) -> None:
        """End the workers, of whom some live and are not heard; `revive` starts others."""

    def pin(self, cpu: int) -> None:
        """Keep it on one CPU, load engines excluded."""

    def stop(self, deadline_s: float) -> None:
        """End all."""


class RealClock:
    """CLOCK_MONOTONIC and the wall clock."""

    def now_ns(self) -> int:
        """Now."""
        return time.monotonic_ns()

    def unix(self) -> float:
        """Wall clock, for people."""
        return time.time()

    def sleep_until(self, at_ns: int) -> None:
        """Sleep until then; return at once when it has passed."""
        left = at_ns - time.monotonic_ns()
        if left > 0:
            time.sleep(left / 1e9)


class RealHost:
    """This machine. pids: the lab's own processes whose CPU time is not foreign."""

    def __init__(self, pids: Callable[[], Sequence[int]]) -> None:
        self._pids = pids

    def spin(self, cpu: int) -> int:
        """CPU ns of the fixed loop."""
        return host.spin(cpu)

    def pacer(self, cpu: int, at_ns: Sequence[int]) -> host.Pacer:
        """Start to take the pace of a CPU."""
        return host.Pacer(cpu, at_ns)

    def ticks(self, cpus: set[int]) -> host.Ticks:
        """CPU counters of the machine."""
        return host.ticks(cpus)

    def own_cpu_ns(self) -> int:
        """CPU time of the lab and of Locust."""
        return time.process_time_ns() + sum(cpu_clock_ns(pid) or 0 for pid in self._pids())

    def make_room(self, connections: int) -> bool:
        """Wait until the kernel can follow so many connections more."""
        return tracked.wait_for_room(connections)

    def time_waits(self, port: int | None = None) -> int:
        """Sockets in TIME_WAIT in this network namespace."""
        return host.time_waits() if port is None else sockdiag.time_waits(port)

    def ports(self) -> int:
        """Ports of one source address."""
        return machine.ports()


class StandingLoad:
    """The standing Locust as one trial after another sees it; revived when a process of it died."""

    def __init__(self, conducting: Conducting, client: LocustClient) -> None:
        self._conducting = conducting
        self._client = client
        self._doubt = False

    def prepare(self, order: Order) -> object:
        """Connect what is held open. Raises TrialFailed."""
        self._mend()
        with self._doubting():
            return self._client.prepare(order)

    def _mend(self) -> None:
        """Replace what has ended, and behind a loss also what lives and is not heard."""
        if self._conducting.alive() and self._doubt and not self._client.heard():
            self._conducting.drop_workers()
        self._doubt = False
        if not self._conducting.alive():
            self._conducting.revive()
            self._client.start_test()

    @contextmanager
    def _doubting(self) -> Iterator[None]:
        """Note that a worker or a report was lost."""
        try:
            yield
        except TrialFailed as failed:
            self._doubt = failed.gate == LOST
            raise

    def go(self, trial: str) -> tuple[int, int]:
        """Start; return the window's edges."""
        with self._doubting():
            return self._client.go(trial)

    def release(self, trial: str) -> None:
        """Hold the connections no longer."""
        self._client.release(trial)

    def result(self, trial: str, deadline_s: float) -> tuple[list[EngineResult], LocustCount]:
        """Wait for the end."""
        with self._doubting():
            return self._client.result(trial, deadline_s)

    def abort(self) -> None:
        """Drop whatever runs; never raises."""
        self._client.abort()


class Pins:
    """Keeps the lab and Locust on the control CPU, and moves them only when it changes."""

    def __init__(self, conducting: Conducting) -> None:
        self._conducting = conducting
        self._now: int | None = None

    def pin(self, place: Placement) -> None:
        """Pin to place.control."""
        if place.control == self._now:
            return
        self._now = place.control
        os.sched_setaffinity(0, {place.control})
        self._conducting.pin(place.control)
