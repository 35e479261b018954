"""Servers and Locust that somebody else runs: compose, a swarm, Kubernetes, or hosts by hand.

Nothing is started, pinned or ended here: a trial finds its server running, and leaves it. What that
does to a verdict is in docs/decisions/0013-attached-servers-are-one-start.md. Before the run each
server is asked for one exchange of its protocol and its meter for one line; what neither tells is
marked as not to be had, and whoever needs it is skipped.
"""

import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from lab import lacks
from lab.backends import attached_locust, attached_servers
from lab.backends.attached_locust import AttachedLocust
from lab.backends.attached_meter import UNKNOWN, AttachedMeter, Vitals, ask
from lab.backends.attached_servers import METER, Door, joined
from lab.backends.contract import (
    Address,
    Backend,
    Exit,
    StartOptions,
    WrongAnswer,
    verify,
)
from lab.backends.process import is_exact
from lab.backends.site import Site
from lab.errors import EnvironmentUnfit, UsageError
from lab.model import Cell
from lab.own_servers import OwnServer
from lab.schema import Lab
from loadtests import targets
from servers.catalog import PROTOCOLS

ASK_S = 2.0  # for one exchange in a protocol that may be another one
QUIET_S = 5.0  # for a server to let go of the last trial's connections
QUIET_STEP_S = 0.02
NO_PSS = "a server that somebody else runs shows its container's memory, not its processes'"
NO_METER = "its meter is not there"
NO_GROUP = "its meter stands outside of a container, so it tells of the whole machine"
NO_NETWORK = "attached servers are reached as they are"


@dataclass(slots=True)
class AttachedTarget:
    """One instance for one trial."""

    door: Door
    meter: AttachedMeter
    exact: bool
    path: str = ""  # of http: what one exchange asks for
    pid: int = 0  # of another machine, maybe

    @property
    def address(self) -> Address:
        """As the load finds it."""
        return self.door.address

    def verify(self, protocol: str) -> None:
        verify(self.door.here, protocol, exact=self.exact, path=self.path)

    def stop(self, timeout: float) -> Exit:
        """It goes on; nothing is known of an end."""
        del timeout
        return self.kill()

    def kill(self) -> Exit:
        return Exit(None, {}, "", cpu_ns=0, user_ns=0, system_ns=0, escaped=0)

    def pause(self) -> None:
        raise UsageError("a server that somebody else runs cannot be paused")

    def resume(self) -> None:
        """It was never paused."""

    def alive(self) -> bool:
        """Whether it accepts a connection."""
        try:
            socket.create_connection(self.door.here, ASK_S).close()
        except OSError:
            return False
        return True

    def logs(self) -> str:
        return ""


@dataclass
class AttachBackend:
    """Finds servers where they run. Several instances of one take turns, trial by trial."""

    doors: Mapping[tuple[str, str], Sequence[Door]]
    own: Mapping[str, OwnServer] = field(default_factory=dict)
    _turns: dict[tuple[str, str], int] = field(default_factory=dict)
    _idle: dict[Door, int] = field(default_factory=dict)  # sockets without a client, the least seen

    def start(self, server: str, protocol: str, options: StartOptions) -> AttachedTarget:
        """Return the next instance, once the last trial's clients have left. Raises Gone."""
        del options
        found = self.doors[server, protocol]
        turn = self._turns[server, protocol] = self._turns.get((server, protocol), -1) + 1
        target = self.target(found[turn % len(found)])
        self._quiet(target)
        return target

    def target(self, door: Door) -> AttachedTarget:
        """Hold one instance."""
        one = self.own.get(door.server)
        exact = is_exact(door.server) if one is None else one.is_exact
        meter = AttachedMeter(door.meter, door.protocol)
        return AttachedTarget(door, meter, exact, one.path if one else "")

    def _quiet(self, target: AttachedTarget) -> None:
        """Wait until it holds no more than it ever did when nobody was there."""
        if target.door not in self._idle:
            target.verify(target.door.protocol)  # a process may wait for its first client
        held = target.meter.sockets()
        least = self._idle.setdefault(target.door, held)
        end = time.monotonic() + QUIET_S
        while held > least and time.monotonic() < end:
            time.sleep(QUIET_STEP_S)
            held = target.meter.sockets()
        self._idle[target.door] = min(least, held)


def site(
    lab: Lab, cells: Sequence[Cell], servers: Sequence[str], url: str, token: str, n: int
) -> Site:
    """Look at all that was named. n: workers that are needed at least.

    Raises UsageError, EnvironmentUnfit: one line for each thing that is not as it was said.
    """
    doors = attached_servers.parse(servers)
    known = {cell.server for cell in cells}
    strange = [door.server for door in doors if door.server not in known]
    if strange:
        names = ", ".join(sorted(known)) or "none"
        raise UsageError(f"--server {strange[0]}=…: no experiment here has it. It has: {names}")
    _allowed(
        lab, [attached_locust.address(url), *(d.address for d in doors), *(d.here for d in doors)]
    )
    state = attached_locust.look(url, token, n)
    backend = AttachBackend({}, lab.servers)
    asked = {(cell.server, cell.protocol) for cell in cells}
    wanted = [door for door in doors if not door.protocol or (door.server, door.protocol) in asked]
    found, absent = _examined(backend, wanted)
    named = [*doors, *found]
    backend.doors = _sorted(found)
    locust = AttachedLocust(url, token)
    return Site(
        open=lambda _run: _opened(backend),
        missing=lambda _need: "",  # whoever runs it has seen to it
        facts={
            "servers": "attached: " + ", ".join(sorted({str(door) for door in found})),
            "load": f"attached: {url}, {state.workers} workers",
            "pinned": "no",
        },
        notes=_notes(backend.doors),
        networks=("",),
        no_network=NO_NETWORK,
        lacking=lambda cells: {**_unnamed(cells, named), **absent},
        conduct=locust.begin,
        away=True,
        instances=min((len(each) for each in backend.doors.values()), default=0),
    )


@contextmanager
def _opened(backend: Backend) -> Iterator[Backend]:
    yield backend


def _allowed(lab: Lab, addresses: Sequence[Address]) -> None:
    """Refuse what may not be loaded, as the load engine will. Raises UsageError.

    A name that is not known here may be known to the load: there it is judged.
    """
    allowed = [*lab.allow_targets, *targets.allowed(os.environ)]
    for host, port in dict.fromkeys(addresses):
        try:
            targets.locate(host, port, allowed)
        except targets.Refused as why:
            raise UsageError(f"{why}") from why
        except OSError:
            continue


def _examined(backend: AttachBackend, doors: Sequence[Door]) -> tuple[list[Door], dict[str, str]]:
    """Ask each server and each meter once; return what there is, and what cannot be had."""
    found, absent, problems = [], {lacks.metric("pss"): NO_PSS}, []
    for door in doors:
        try:
            spoken = _spoken(backend, door)
            vitals = _vitals(spoken)
        except (WrongAnswer, EnvironmentUnfit) as error:
            problems.append(str(error))
            continue
        found.append(spoken if vitals else replace(spoken, meter=None))
        if vitals is None or vitals.cpu_ns == UNKNOWN:
            absent[lacks.metric("cpu", door.server)] = NO_GROUP if vitals else NO_METER
    if problems:
        raise EnvironmentUnfit("\n".join(problems))
    return found, absent


def _spoken(backend: AttachBackend, door: Door) -> Door:
    """Hold one exchange; find out which protocol it is where nobody said. Raises WrongAnswer."""
    if door.protocol:
        try:
            backend.target(door).verify(door.protocol)
        except WrongAnswer as wrong:
            raise WrongAnswer(f"{door} does not answer as it must: {wrong}") from wrong
        return door
    reasons = []
    for protocol in PROTOCOLS:
        target = backend.target(replace(door, protocol=protocol))
        try:
            verify(door.here, protocol, ASK_S, exact=target.exact, path=target.path)
        except WrongAnswer as wrong:
            reasons.append(str(wrong))
            if isinstance(wrong.__cause__, ConnectionError | socket.gaierror):
                break  # nobody is there: no protocol will change that
        else:
            return target.door
    raise WrongAnswer(f"{door} speaks none of {', '.join(PROTOCOLS)}: {reasons[-1]}")


def _vitals(door: Door) -> Vitals | None:
    """Read the meter once; None where nobody said that there is one. Raises EnvironmentUnfit."""
    if door.meter is None:
        return None
    try:
        return ask(door.meter)
    except (OSError, ValueError) as error:
        if not door.stated:
            return None
        raise EnvironmentUnfit(
            f"the meter of {door} does not answer at {joined(door.meter)}: {error}. Name another "
            f"place (meter=HOST:{METER}), or meter=none"
        ) from error


def _sorted(doors: Sequence[Door]) -> dict[tuple[str, str], list[Door]]:
    found: dict[tuple[str, str], list[Door]] = {}
    for door in doors:
        found.setdefault((door.server, door.protocol), []).append(door)
    return found


def _unnamed(cells: Sequence[Cell], doors: Iterable[Door]) -> dict[str, str]:
    """Say which servers of the plan are not attached, or not in the protocol that is asked for."""
    named: dict[str, list[str]] = {}
    for door in doors:
        spoken = named.setdefault(door.server, [])
        spoken += [door.protocol] if door.protocol and door.protocol not in spoken else []
    absent = {}
    for cell in cells:
        if cell.server not in named:
            absent[cell.server] = f"nobody has attached it (--server {cell.server}=HOST:PORT)"
        elif cell.protocol not in named[cell.server]:
            others = " and ".join(named[cell.server])
            absent[lacks.speech(cell.server, cell.protocol)] = f"it was attached for {others}"
    return absent


def _notes(doors: Mapping[tuple[str, str], Sequence[Door]]) -> tuple[str, ...]:
    many = {f"{server} over {spoken}": len(each) for (server, spoken), each in doors.items()}
    several = ", ".join(f"{name}: {count}" for name, count in many.items() if count > 1)
    return (
        "Servers and load are somebody else's: no server was started for a trial and nothing was "
        "pinned to a CPU. Times of different hosts were never subtracted."
        + (f" Instances that took turns: {several}." if several else ""),
    )
