"""A Locust master and workers that somebody else runs: looked at, used, never started.

Nothing is pinned. The clocks of the load engines are taken for strangers, even where the master is
on loopback: that may be the end of a tunnel.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lab.backends.locusts import LOOPBACK
from lab.errors import EnvironmentUnfit, TrialFailed, UsageError
from lab.host import Placement, Ticks
from lab.load import LocustClient
from lab.orders import Order, State
from lab.stage import StandingLoad

BACK_S = 20.0  # for a master or worker that somebody restarts: an orchestrator takes seconds
NS = 1_000_000_000


def address(url: str) -> tuple[str, int]:
    """Return host and port of a master's URL. Raises UsageError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port, parts = None, 0, urlsplit("")
    if parts.scheme == "https":
        raise UsageError(
            f"--locust {url}: TLS is not spoken. Tunnel it: ssh -L, kubectl port-forward"
        )
    if parts.scheme != "http" or not host:
        raise UsageError(f"--locust {url}: that is no URL. Write http://{LOOPBACK}:8089")
    return host, port


def look(url: str, token: str, workers: int) -> State:
    """Ask a master whether this lab may use it, before anything begins. Raises EnvironmentUnfit."""
    client = LocustClient(url, token)
    try:
        state = client.state()
        client.knock()
    except OSError as error:
        raise EnvironmentUnfit(
            f"no Locust master answers at {url}: {error}. Start it (docker compose up), or name "
            "another one with --locust"
        ) from error
    finally:
        client.close()
    if state.driver == "hand":
        raise EnvironmentUnfit(f"a load by hand is under way at {url}. Stop it there first")
    engines = len(state.engines)
    if state.workers < max(workers, state.expected) or engines < state.workers:
        raise EnvironmentUnfit(
            f"Locust at {url} has {state.workers} workers, {engines} of them with a load engine; "
            f"{max(workers, state.expected)} are needed. Start more, or ask for fewer (--workers)"
        )
    return state


@dataclass
class AttachedLocust:
    """The master in use. Its test is ended with the run only where the run has begun it."""

    url: str
    token: str = field(repr=False)
    _begun: bool = field(default=False, init=False)
    pids: list[int] = field(default_factory=list)  # none that is here

    def client(self) -> LocustClient:
        """Return a client that sets no time by its own clock."""
        made = LocustClient(self.url, self.token)
        made.beside = False
        return made

    def alive(self) -> bool:
        """Whether it answers, all workers are there, and the run's test goes on."""
        state = self._state()
        whole = state is not None and len(state.engines) >= max(1, state.expected)
        return whole and state is not None and state.runner == "running"

    def revive(self) -> None:
        """Wait until whoever looks after it has. Raises EnvironmentUnfit."""
        asking = self.client()
        try:
            asking.wait_until_up(BACK_S)
        except EnvironmentUnfit as error:
            raise EnvironmentUnfit(f"{error}. Finished trials are kept") from error
        finally:
            asking.close()

    def drop_workers(self) -> None:
        """Leave them to whoever looks after them."""

    def begin(self) -> "AttachedLocust":
        """Note whether its test was running before."""
        state = self._state()
        self._begun = state is None or state.runner != "running"
        return self

    def pin(self, cpu: int) -> None:
        """Leave it where it is."""

    def stop(self, deadline_s: float) -> None:
        """End the test, not the master."""
        del deadline_s
        if self._begun:
            self.client().stop()

    def _state(self) -> State | None:
        asking = self.client()
        try:
            return asking.state()
        except (OSError, EnvironmentUnfit):
            return None
        finally:
            asking.close()


class AttachedLoad(StandingLoad):
    """Trials on such a Locust: not pinned, and timed by this machine's clock."""

    _phases = (0.0, 0.0)

    def prepare(self, order: Order) -> object:
        """Connect what is held open. Raises TrialFailed."""
        self._phases = (order.timing.warm_up, order.timing.window)
        return super().prepare(order.model_copy(update={"cpu": None}))

    def go(self, trial: str) -> tuple[int, int]:
        """Start; return the latest begin and the earliest end of all engines' windows, as seen from
        here: between them every engine is in its own.
        """
        asked = time.monotonic_ns()
        super().go(trial)
        told = time.monotonic_ns()
        warm_up, window = (int(phase * NS) for phase in self._phases)
        if told - asked > window // 2:
            raise TrialFailed(
                "load-engine",
                f"the load began within {(told - asked) / 1e6:.0f} ms: too late to meter",
            )
        return told + warm_up, asked + warm_up + window


class NoPacer:
    """The CPU of a server elsewhere has a pace that nobody takes."""

    def taken(self) -> list[int]:
        """None."""
        return []

    def cancel(self) -> None:
        """Nothing to end."""


class NoPins:
    """Nothing there is kept on a CPU from here."""

    def pin(self, place: Placement) -> None:
        """Leave all where it is."""


class ElsewhereHost:
    """A machine that is not looked at; its record has no noise (lab.trial)."""

    def spin(self, cpu: int) -> int:
        """Not here."""
        del cpu
        return 0

    def pacer(self, cpu: int, at_ns: Sequence[int]) -> NoPacer:
        """Not here."""
        del cpu, at_ns
        return NoPacer()

    def ticks(self, cpus: set[int]) -> Ticks:
        """Not here."""
        del cpus
        return Ticks(0, 0, -1)

    def own_cpu_ns(self) -> int:
        """Not there."""
        return 0

    def make_room(self, connections: int) -> bool:
        """Not here."""
        del connections
        return True

    def time_waits(self, port: int | None = None) -> int:
        """Not here."""
        del port
        return -1

    def ports(self) -> int:
        """Not here."""
        return -1
