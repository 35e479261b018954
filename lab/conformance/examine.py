"""The examination of one server in one protocol: every check that applies, one after the other.

One process takes all of it. After each check it must answer as before, and hold no descriptor,
thread or process more than before the first; a process that failed is replaced, so that one mistake
is not counted twice. At the end it is stopped, and must end well; then another one is traced for a
moment, and must wait in the call that it is known for.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from lab import served, tracked, wire
from lab.backends.contract import Backend, StartFailed, StartOptions, Target, WrongAnswer
from lab.conformance import CHECKS, FACTS, mechanism
from lab.conformance.subject import (
    CasesFailed,
    Check,
    Subject,
    end_well,
    excused,
    last_line,
    start,
)
from lab.errors import EnvironmentUnfit
from lab.http_differences import DIFFERENCES
from lab.meter import Gone
from lab.own_servers import FOREIGN
from servers.catalog import SERVERS, Server

ROOM = 20_000  # connections: a check makes 5,000 at most, and several pairs have a turn at once
SETTLE = 1.0  # seconds until whatever belonged to a client is gone
STEP = 0.01  # seconds between two looks
CALM = 0.1  # seconds without a change: all that is started at first has started
EXECUTOR = 32  # threads that a pool of the standard library has at most, and keeps once started
END = "end"  # the name of what is checked last


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one check. left_out: why it does not apply; failed: case → why.

    fact: what was seen, where nothing is right or wrong.
    """

    check: str
    cases: int = 0
    failed: Mapping[str, str] = field(default_factory=dict)
    left_out: str = ""
    fact: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a server holds when nobody is connected."""

    descriptors: int
    threads: int
    processes: int


def find(name: str) -> Server:
    """Return the catalog's entry, or a plain one for a module of your own."""
    return SERVERS.get(name) or Server(name, "own")


def left_out(server: Server, check: str, workers: int) -> str:
    """Why the design rules a check out; empty: it must be passed."""
    for name in (check, CHECKS[check].like):
        if name in server.cannot:
            return server.cannot[name]
    at_once = server.clients(workers)
    if at_once and CHECKS[check].clients > at_once:
        return f"it serves {at_once} at once"
    lacking = [path for path in CHECKS[check].paths if not served.has(server.paths, path)]
    if lacking:
        return f"it has no {' or '.join(lacking)}"
    if CHECKS[check].ours and server.family == FOREIGN:
        return "a foreign server may end as it likes"
    if CHECKS[check].idle and server.spins:
        return "it asks instead of waiting"
    return ""


def rows_left_out(name: str, server: Server, check: str) -> Iterator[Outcome]:
    """Say which rows of a table are not held against a framework or a foreign server, and why."""
    groups: dict[str, list[str]] = {}
    if check == "http-table":
        groups = {why: list(rows) for why, rows in DIFFERENCES.get(name, {}).items()}
    for row, why in excused(server, check).items():
        groups.setdefault(why, []).append(row)
    for why, found in groups.items():
        yield Outcome(f"{check}: {', '.join(found)}", left_out=why)


def applicable(protocol: str) -> dict[str, Check]:
    """Return the checks that mean something in a protocol. What a server cannot is among them."""
    return {
        name: check
        for name, check in CHECKS.items()
        if not check.protocols or protocol in check.protocols
    }


def examine(
    name: str,
    protocol: str,
    backend: Backend,
    options: StartOptions | None = None,
    server: Server | None = None,
) -> Generator[Outcome, None, None]:
    """Run all checks; one outcome for each as it is known. Close it to end early.

    Raises StartFailed when the server does not come up at all.
    """
    options = options or StartOptions()
    server = server or find(name)
    target = start(backend, name, protocol, options)
    try:
        base = holdings(target, protocol)
        for check in applicable(protocol):
            why = left_out(server, check, options.workers)
            if why:
                yield Outcome(check, left_out=why)
                continue
            yield from rows_left_out(name, server, check)
            subject = Subject(name, server, protocol, backend, options, target)
            outcome = hold(subject, check, base)
            if outcome.failed:
                target.kill()
            yield outcome
            if outcome.failed:
                target = start(backend, name, protocol, options)
                base = holdings(target, protocol)
        for fact, see in FACTS.get(protocol, {}).items():
            yield Outcome(
                fact, fact=_seen(see, Subject(name, server, protocol, backend, options, target))
            )
        yield _end(target, silent=server.family != FOREIGN)
    finally:
        target.kill()
    yield _mechanism(name, protocol, server, options)


def hold(subject: Subject, name: str, base: Holdings | None = None) -> Outcome:
    """Hold one check, and see that it has left nothing behind.

    Raises EnvironmentUnfit where this machine would drop packets, and the server be blamed for it.
    """
    if not tracked.wait_for_room(ROOM):
        raise EnvironmentUnfit(
            "The kernel's table of tracked connections is full, and new ones would be dropped. "
            "Wait until others make fewer, or raise it: sysctl net.netfilter.nf_conntrack_max."
        )
    began = time.monotonic()
    outcome = Outcome(name, 1)
    try:
        outcome = replace(outcome, cases=CHECKS[name].run(subject) or 1)
        subject.target.verify(subject.protocol)
        if base is not None:
            settle(subject.target, base)
    except CasesFailed as error:
        outcome = replace(outcome, cases=error.cases, failed=error.failed)
    except (WrongAnswer, StartFailed, OSError, Gone) as error:
        outcome = replace(outcome, failed={name: _words(error) + _last_words(subject.target)})
    return replace(outcome, seconds=time.monotonic() - began)


def _words(error: Exception) -> str:
    if isinstance(error, WrongAnswer):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"no answer in {wire.TIMEOUT:g} s"
    return f"{type(error).__name__}: {error}"


def _last_words(target: Target) -> str:
    return "" if target.alive() else f"; the server has ended: {last_line(target.logs())}"


def _seen(see: Callable[[Subject], str], subject: Subject) -> str:
    try:
        return see(subject)
    except (WrongAnswer, OSError) as error:
        return f"not seen: {error}"


def _end(target: Target, *, silent: bool) -> Outcome:
    began = time.monotonic()
    try:
        end_well(target, silent=silent)
    except WrongAnswer as error:
        return Outcome(END, 1, {END: str(error)}, seconds=time.monotonic() - began)
    return Outcome(END, 1, seconds=time.monotonic() - began)


def _mechanism(name: str, protocol: str, server: Server, options: StartOptions) -> Outcome:
    began = time.monotonic()
    try:
        why = mechanism.agrees(name, protocol, server, options)
    except WrongAnswer as error:
        outcome = Outcome(mechanism.NAME, 1, {mechanism.NAME: str(error)})
    else:
        outcome = Outcome(mechanism.NAME, 0 if why else 1, left_out=why)
    return replace(outcome, seconds=time.monotonic() - began)


def holdings(target: Target, protocol: str) -> Holdings:
    """Look after one exchange, as some things are made for the first client, and when all is up."""
    with suppress(WrongAnswer):  # the checks will say so
        target.verify(protocol)
    now, before = look(target), None
    while now != before:  # a server listens before its last worker has started
        time.sleep(CALM)
        now, before = look(target), now
    return now


def look(target: Target) -> Holdings:
    footprint = target.meter.footprint()
    return Holdings(footprint.fds, footprint.threads, target.meter.read().processes)


def settle(target: Target, base: Holdings) -> None:
    """Wait until it holds what it held before. Raises WrongAnswer after SETTLE seconds."""
    deadline = time.monotonic() + SETTLE
    while excess := _excess(look(target), base):
        if time.monotonic() > deadline:
            raise WrongAnswer(f"{excess}, {SETTLE:g} s after the last client has left")
        time.sleep(STEP)


def _excess(now: Holdings, base: Holdings) -> str:
    if now.descriptors > base.descriptors:
        return f"{now.descriptors} descriptors instead of {base.descriptors}"
    if now.processes > base.processes:
        return f"{now.processes} processes instead of {base.processes}"
    if now.threads > base.threads + EXECUTOR * base.processes:
        return f"{now.threads} threads instead of {base.threads}"
    return ""
