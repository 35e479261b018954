"""`lab verify`: every server in every protocol through all checks, and what came of it.

No load and no verdict here: a server either answers rightly or it does not. What a server needs and
this machine lacks is said, as is what a design rules out; nothing is left out in silence.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from lab import host
from lab.backends.contract import Backend, StartFailed, StartOptions, Target
from lab.conformance.crowds import MANY
from lab.conformance.examine import Outcome, examine
from lab.conformance.limits import CROWD
from lab.errors import EnvironmentUnfit, Nonconforming, TrialFailed, UsageError
from lab.ground import Ground
from lab.own_servers import known
from servers.catalog import PROTOCOLS

START = "start"  # the name of the case that a server comes up at all
DESCRIPTORS = 2 * (MANY + CROWD)  # of the lab itself, with two examinations side by side
GATE = "conformance"

Pair = tuple[str, str]  # server, protocol
Note = Callable[[str], None]
HERE = Ground()  # this machine, and the catalog's servers only


@dataclass(frozen=True, slots=True)
class Examination:
    """One server in one protocol. skipped: what is missing here, so that nothing was asked."""

    server: str
    protocol: str
    outcomes: Sequence[Outcome] = ()
    skipped: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> int:
        return sum(outcome.cases - len(outcome.failed) for outcome in self.outcomes)

    @property
    def failed(self) -> dict[str, str]:
        """Return each failed case, after its check unless that is all of it."""
        return {
            check if case == check else f"{check}: {case}": why
            for check, failed in ((o.check, o.failed) for o in self.outcomes)
            for case, why in failed.items()
        }

    @property
    def left_out(self) -> dict[str, str]:
        """Return each check that the design rules out, and why."""
        return {o.check: o.left_out for o in self.outcomes if o.left_out}

    @property
    def facts(self) -> dict[str, str]:
        """Return what was seen and is neither right nor wrong."""
        return {o.check: o.fact for o in self.outcomes if o.fact}


class Watcher(Protocol):
    """Whoever watches; called from several threads."""

    def checked(self, server: str, protocol: str, outcome: Outcome) -> None:
        """A check has ended."""

    def examined(self, examination: Examination, done: int, of: int) -> None:
        """A server has been through all of them, in one protocol."""


def pairs(
    servers: Sequence[str] = (), protocols: Sequence[str] = (), ground: Ground = HERE
) -> list[Pair]:
    """Return what is to be examined; nothing named: everything. Raises UsageError."""
    there = known(ground.own)
    for name in servers:
        if name not in there and "." not in name:
            raise UsageError(f'no server "{name}"; write some of: {", ".join(there)}')
    for name in protocols:
        if name not in PROTOCOLS:
            raise UsageError(f'no protocol "{name}"; write some of: {", ".join(PROTOCOLS)}')
    found = [
        (server, protocol)
        for server in servers or there
        for protocol in protocols or PROTOCOLS
        if ground.find(server).speaks(protocol)
    ]
    if not found:
        raise UsageError(f"{', '.join(servers)} does not speak {', '.join(protocols)}")
    return found


def require(servers: Iterable[str], ground: Ground = HERE) -> None:
    """Raise EnvironmentUnfit when a server that was asked for by name cannot run here."""
    lacking = {name: ground.missing(name) for name in servers}
    lines = [f"{name} cannot run here: {why}" for name, why in lacking.items() if why]
    if lines:
        raise EnvironmentUnfit("\n".join(lines))


def verify(
    wanted: Sequence[Pair], watcher: Watcher, jobs: int, label: str, ground: Ground = HERE
) -> list[Examination]:
    """Examine all, `jobs` of them at a time; in the order asked for. Raises EnvironmentUnfit.

    label: of every process that this starts, so that what is left behind is found.
    """
    if host.nofile() < DESCRIPTORS:
        raise EnvironmentUnfit(f"open files: the checks need {DESCRIPTORS}, see ulimit -Hn")
    found: dict[Pair, Examination] = {}
    ended = threading.Event()

    def take(one: Examination) -> None:
        found[one.server, one.protocol] = one
        watcher.examined(one, len(found), len(wanted))

    if jobs == 1:  # here, so that Ctrl-C ends it at once
        for pair in wanted:
            take(_examined(pair, watcher, label, ended, ground))
        return list(found.values())
    with ThreadPoolExecutor(jobs) as pool:
        try:
            waiting = [
                pool.submit(_examined, pair, watcher, label, ended, ground) for pair in wanted
            ]
            for future in as_completed(waiting):
                take(future.result())
        finally:  # Ctrl-C: those at work end behind their check, the others never begin
            ended.set()
            pool.shutdown(wait=False, cancel_futures=True)
    return [found[pair] for pair in wanted]


def _examined(
    pair: Pair, watcher: Watcher, label: str, ended: threading.Event, ground: Ground
) -> Examination:
    name, protocol = pair
    lacking = ground.missing(name)
    if lacking:
        return Examination(name, protocol, skipped=lacking)
    began = time.monotonic()
    outcomes = []
    try:
        options = StartOptions(label=label)
        with closing(examine(name, protocol, ground.backend, options, ground.find(name))) as checks:
            for outcome in checks:
                outcomes.append(outcome)
                watcher.checked(name, protocol, outcome)
                if ended.is_set():
                    break
    except StartFailed as error:
        outcomes.append(Outcome(START, 1, {START: str(error)}))
    return Examination(name, protocol, outcomes, seconds=time.monotonic() - began)


@dataclass(frozen=True)
class VerifiedBackend:
    """Starts what has passed. What has not is no trial: it is void by the gate `conformance`."""

    backend: Backend
    failures: Mapping[Pair, str] = field(default_factory=dict)

    def start(self, server: str, protocol: str, options: StartOptions) -> Target:
        why = self.failures.get((server, protocol))
        if why is not None:
            raise TrialFailed(GATE, why)
        return self.backend.start(server, protocol, options)


def failures(examinations: Iterable[Examination]) -> dict[Pair, str]:
    """Return what failed, in a line for each server and protocol."""
    return {
        (one.server, one.protocol): "; ".join(f"{name}: {why}" for name, why in one.failed.items())
        for one in examinations
        if one.failed
    }


@dataclass(frozen=True, slots=True)
class Notes:
    """A watcher that says a line for each examination."""

    note: Note

    def checked(self, server: str, protocol: str, outcome: Outcome) -> None:
        """Say nothing: the line at the end is enough."""

    def examined(self, examination: Examination, done: int, of: int) -> None:
        words = ", ".join(examination.failed) or examination.skipped or "conforms"
        self.note(f"verify {done}/{of}: {examination.server} {examination.protocol}: {words}")


@dataclass(frozen=True, slots=True)
class Refusing(Notes):
    """A watcher that ends it all at the first check that failed."""

    def checked(self, server: str, protocol: str, outcome: Outcome) -> None:
        """Raise Nonconforming unless it was passed."""
        _refuse(Examination(server, protocol, [outcome]))

    def examined(self, examination: Examination, done: int, of: int) -> None:
        """Raise Nonconforming where it did not even start."""
        _refuse(examination)
        self.note(
            f"verify {done}/{of}: {examination.server} {examination.protocol}: conforms, "
            f"{examination.passed} cases in {examination.seconds:.0f} s"
        )


def _refuse(examination: Examination) -> None:
    name, protocol, failed = examination.server, examination.protocol, examination.failed
    if failed:
        lines = [f"{name} fails in {protocol}: {case}: {why}" for case, why in failed.items()]
        mend = "Mend it, or say under `cannot` in lab.yaml why it need not pass"
        lines.append(f"Nothing was measured. {mend}; all of it shows: lab verify {name}")
        raise Nonconforming("\n".join(lines))


def must_conform(wanted: Sequence[Pair], ground: Ground, label: str, note: Note) -> None:
    """Examine servers of lab.yaml before anything is measured. Raises Nonconforming."""
    verify(wanted, Refusing(note), 1, label, ground)


def verified(backend: Backend, wanted: Sequence[Pair], label: str, note: Note) -> VerifiedBackend:
    """Examine what a plan will start; return a backend that starts only what has passed."""
    return VerifiedBackend(backend, failures(verify(wanted, Notes(note), 1, label)))
