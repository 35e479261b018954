"""The stage of the self-tests: the lab's own backend, Locust, load engine and trial, and no more.

A self-test gives a load and gets a record, as any experiment does. Two things are added: something
may be done to the server inside the window (`meanwhile`), and a server may be a module of this
folder. What is started carries the label `selftest@<pid>`, so `lab clean` knows it.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from lab import host
from lab.backends import leftovers, locusts
from lab.backends.contract import StartOptions, Target
from lab.backends.process import ProcessBackend
from lab.errors import EnvironmentUnfit, TrialFailed
from lab.gates import NOISE_GATES
from lab.host import Placement
from lab.load import LocustClient
from lab.measure import merged
from lab.model import Cell, ClassLoad, ClassName, Timing, Trial
from lab.plan import PORTS
from lab.record import Record
from lab.seams import Stage
from lab.stage import Conducting, Pins, RealClock, RealHost, StandingLoad
from lab.trial import run_trial
from loadtests.engine.histogram import Histogram

Meanwhile = Callable[[Target, int, int], None]  # the server, and the window's edges in ns
PHASES = {"warm_up": 0.5, "cool_down": 0.3}  # seconds, unless a test needs others
HASH_SEED = 1  # of every server: a self-test compares no arms
STOP_S = 2.0
ATTEMPTS = 3  # as in a run, lab.engine


@dataclass(frozen=True)
class _Dressed:
    """The backend, with variables for the server; it remembers whom it started."""

    inner: ProcessBackend
    env: Mapping[str, str]
    started: list[Target] = field(default_factory=list)

    def start(self, server: str, protocol: str, options: StartOptions) -> Target:
        dressed = replace(options, env={**options.env, **self.env})
        self.started.append(self.inner.start(server, protocol, dressed))
        return self.started[-1]


class _Accompanied(StandingLoad):
    """The load, with somebody at work beside it from the start on."""

    def __init__(
        self, conducting: Conducting, client: LocustClient, by: Callable[[int, int], None]
    ) -> None:
        super().__init__(conducting, client)
        self._by = by

    def go(self, trial: str) -> tuple[int, int]:
        """Start; return the window's edges."""
        edges = super().go(trial)
        self._by(*edges)
        return edges


@dataclass
class Rig:
    """quick: as short as the figures allow. results: where the ceiling is kept."""

    results: Path
    quick: bool = False
    say: Callable[[str], None] = lambda _: None
    label: str = field(default_factory=lambda: f"selftest@{os.getpid()}")
    noise: list[str] = field(default_factory=list)  # of the test at hand
    repeat_until: float = 0.0  # by time.monotonic(), of the test at hand
    _stack: ExitStack = field(default_factory=ExitStack)
    _trials: int = 0

    def __enter__(self) -> Self:
        self._affinity = os.sched_getaffinity(0)
        assert self.facts  # now: with Locust the lab is pinned to one CPU
        self._stack.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
        os.sched_setaffinity(0, self._affinity)
        leftovers.remove([one for one in leftovers.leftovers() if one.run == self.label])

    def seconds(self, full: float, quick: float) -> float:
        """Choose a length."""
        return quick if self.quick else full

    @cached_property
    def place(self) -> Placement:
        """Which CPU carries what. Raises EnvironmentUnfit with one CPU."""
        found = host.placement(host.usable_cpus())
        if found is None:
            raise EnvironmentUnfit("one CPU only: server and load engine need a core each")
        return found

    @cached_property
    def facts(self) -> dict[str, str]:
        """Facts of this machine."""
        return host.facts()

    @cached_property
    def conducting(self) -> locusts.Locusts:
        """The standing Locust, begun with the first trial."""
        host.nofile()
        assert self.place
        self.say("starting Locust")
        logs = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-selftest-"))
        found = locusts.start(label=self.label, log_dir=Path(logs))
        self._stack.callback(found.stop, STOP_S)
        with closing(found.client()) as client:
            client.start_test()
        Pins(found).pin(self.place)
        return found

    def engines(self) -> list[int]:
        """Process ids of the load engines."""
        with closing(self.conducting.client()) as client:
            return client.state().engines

    def renew(self) -> None:
        """Stop Locust and its engines; the next trial starts others."""
        self._stack.close()
        self.__dict__.pop("conducting", None)

    def trial(
        self,
        server: str,
        protocol: str,
        load: Mapping[ClassName, ClassLoad],
        window: float,
        *,
        seed: int = 1,
        env: Mapping[str, str] | None = None,
        meanwhile: Meanwhile | None = None,
        phases: Mapping[str, float] | None = None,
    ) -> Record:
        """Run one trial. Raises TrialFailed where it broke; a void one comes back as it is.

        One that other programs disturbed is repeated, at most twice and while there is time: as in
        any run. What came of it otherwise is no reason to repeat it.
        """
        for attempt in range(ATTEMPTS):
            record, disturbed = self._attempt(
                server, protocol, load, window, seed, env or {}, meanwhile, phases or {}
            )
            if not disturbed or time.monotonic() > self.repeat_until:
                break
            self.say(f"disturbed, attempt {attempt + 1} of {ATTEMPTS}: {disturbed[0]}")
        self.noise += disturbed
        return record

    def _attempt(
        self,
        server: str,
        protocol: str,
        load: Mapping[ClassName, ClassLoad],
        window: float,
        seed: int,
        env: Mapping[str, str],
        meanwhile: Meanwhile | None,
        phases: Mapping[str, float],
    ) -> tuple[Record, list[str]]:
        conducting = self.conducting
        backend = _Dressed(ProcessBackend(), env)
        beside = _Beside(meanwhile, backend)
        timing = Timing(**{**PHASES, **phases, "window": window})
        self._trials += 1
        with closing(conducting.client()) as client:
            stage = Stage(
                backend=backend,
                load=_Accompanied(conducting, client, beside.begin),
                host=RealHost(lambda: conducting.pids),
                clock=RealClock(),
                run_id=self.label,
                host_digest=host.digest(self.facts),
            )
            cell = _cell(server, protocol, load, timing)
            record = run_trial(self._named(seed), cell, 0, self.place, stage)
        beside.end()
        if record.error:
            raise TrialFailed(record.error_gate, record.error.strip().splitlines()[-1])
        void = [g.why for g in record.gates if g.gate in NOISE_GATES and g.state == "void"]
        return record, void

    def _named(self, seed: int) -> Trial:
        return Trial(
            id=f"selftest.{self._trials}",
            cell="selftest",
            experiment="selftest",
            block=0,
            swap=False,
            port=PORTS[(os.getpid() + 16 * self._trials) % (len(PORTS) - 16)],
            hash_seed=HASH_SEED,
            padding=0,
            arrival_seed=seed,
        )


class _Beside:
    """A thread that does something to the server while the window lasts."""

    def __init__(self, action: Meanwhile | None, backend: _Dressed) -> None:
        self._action, self._backend = action, backend
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def begin(self, start_ns: int, end_ns: int) -> None:
        if self._action:
            self._thread = threading.Thread(target=self._run, args=(start_ns, end_ns), daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Wait for it. Raises TrialFailed where it could not do it."""
        if self._thread:
            self._thread.join()
        if self._error:
            raise TrialFailed("trial-broke", f"{type(self._error).__name__}: {self._error}")

    def _run(self, start_ns: int, end_ns: int) -> None:
        assert self._action
        try:
            self._action(self._backend.started[-1], start_ns, end_ns)
        except Exception as error:  # noqa: BLE001 told by end()
            self._error = error


def _cell(server: str, protocol: str, load: Mapping[ClassName, ClassLoad], timing: Timing) -> Cell:
    return Cell(
        id="selftest",
        experiment="selftest",
        arm=server,
        factors={},
        server=server,
        protocol=protocol,
        load=dict(load),
        timing=timing,
    )


def times(record: Record, kind: str, name: ClassName) -> Histogram:
    """Return the histogram of one class. Raises TrialFailed where nothing was completed."""
    found = merged(record, kind, (name,))
    if not found.count:
        raise TrialFailed("trial-broke", f"no {name} request was completed in the window")
    return found
