"""What a trial touches outside of itself: a Protocol for each seam, and the stage with all of them.

`lab.stage` has the real ones, `tests/lab/fakes.py` a fake for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lab.backends.contract import Backend
from lab.host import Ticks
from lab.orders import Order
from lab.record import EngineResult, LocustCount


class Load(Protocol):
    """The load, as `lab.load.LocustClient` drives it."""

    def prepare(self, order: Order) -> object:
        """Connect what is held open. Raises TrialFailed."""

    def go(self, trial: str) -> tuple[int, int]:
        """Start; return the window's edges. Raises TrialFailed."""

    def release(self, trial: str) -> None:
        """Hold the connections no longer. Raises TrialFailed."""

    def result(self, trial: str, deadline_s: float) -> tuple[list[EngineResult], LocustCount]:
        """Wait for the end. Raises TrialFailed."""

    def abort(self) -> None:
        """Drop whatever runs; never raises."""


class Pacer(Protocol):
    """The pace of the server's CPU inside the window."""

    def taken(self) -> list[int]:
        """CPU ns of the short loop, one for each instant."""

    def cancel(self) -> None:
        """End early."""


class Host(Protocol):
    """The machine, as far as a trial looks at it."""

    def spin(self, cpu: int) -> int:
        """CPU ns of the fixed loop."""

    def pacer(self, cpu: int, at_ns: Sequence[int]) -> Pacer:
        """Start to take the pace of a CPU at those instants."""

    def ticks(self, cpus: set[int]) -> Ticks:
        """CPU counters of the machine."""

    def own_cpu_ns(self) -> int:
        """CPU time of the lab and of Locust, load engine excluded."""

    def make_room(self, connections: int) -> bool:
        """Wait until the kernel can follow so many connections more; False: it cannot."""

    def time_waits(self, port: int | None = None) -> int:
        """Sockets in TIME_WAIT, of all or to one port; -1: not to be seen from here."""

    def ports(self) -> int:
        """Ports of one source address; -1: not to be seen from here."""


class Clock(Protocol):
    """CLOCK_MONOTONIC."""

    def now_ns(self) -> int:
        """Now."""

    def unix(self) -> float:
        """Wall clock, for people."""

    def sleep_until(self, at_ns: int) -> None:
        """Return at at_ns or a little later; at once when it has passed."""


@dataclass(frozen=True)
class Stage:
    """Everything outside that a trial touches.

    away: servers and load are somebody else's, on hosts with clocks of their own. They are not
    started, pinned or ended here, and metered at the edges of a window only. folder: where lab.yaml
    is, and locustfiles are looked for.
    """

    backend: Backend
    load: Load
    host: Host
    clock: Clock
    run_id: str
    host_digest: str
    away: bool = False
    folder: Path = Path()
