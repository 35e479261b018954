"""Who is examined, and what a check is."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from lab import served, wire
from lab.backends.contract import Backend, StartFailed, StartOptions, Target, WrongAnswer
from lab.own_servers import FOREIGN
from servers.catalog import PROTOCOLS, Protocol, Server

PORTS = range(10_000, 30_000)
PORT_TRIES = 8  # so many are never all taken by accident
END = 5.0  # seconds from SIGTERM to the exit: the contract


@dataclass(frozen=True, slots=True)
class Subject:
    """A server in one protocol, running, and the means to start another one like it."""

    name: str
    server: Server
    protocol: str
    backend: Backend
    options: StartOptions
    target: Target

    @property
    def is_foreign(self) -> bool:
        """It is none of ours, and owes only what its protocol and TCP demand."""
        return self.server.family == FOREIGN

    @property
    def spoken(self) -> Protocol:
        """The protocol, with an exchange that this server can hold."""
        return served.spoken(self.protocol, self.server.paths)

    def has(self, path: str) -> bool:
        return served.has(self.server.paths, path)

    def payload(self, size: int) -> tuple[bytes, bytes]:
        """Requests and their answers, about `size` bytes of one of both."""
        if self.spoken is PROTOCOLS[self.protocol]:
            return wire.payload(self.protocol, size)
        return wire.repeated(self.spoken, size)

    @property
    def at_once(self) -> int:
        """How many clients it serves at once; 0: no limit."""
        return self.server.clients(self.options.workers)

    @contextmanager
    def another(self, nofile: int | None = None) -> Iterator[Target]:
        """Start a fresh one, that a check may spoil or end."""
        options = replace(self.options, nofile=nofile)
        target = start(self.backend, self.name, self.protocol, options)
        try:
            yield target
        finally:
            target.kill()


@dataclass(frozen=True, slots=True)
class Check:
    """One situation. run() returns how many cases it held, None for one; raises WrongAnswer."""

    run: Callable[[Subject], int | None]
    clients: int = 1  # that it needs served at once
    idle: bool = False  # expects a server that waits when there is nothing to do
    protocols: tuple[str, ...] = ()  # means something in these only; empty: in all
    paths: tuple[str, ...] = ()  # of HTTP, that it asks for
    ours: bool = False  # of our own contract, and of nobody else's
    like: str = ""  # who cannot pass that one cannot pass this one


class CasesFailed(WrongAnswer):
    """Some cases of a table failed: each by its name, and why."""

    def __init__(self, cases: int, failed: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in failed.items()))
        self.cases = cases
        self.failed = dict(failed)


def start(backend: Backend, name: str, protocol: str, options: StartOptions) -> Target:
    """Start it on a port that no client ever has. Raises StartFailed.

    The kernel gives clients ports from 32768 on. A listener on one of those may find its port in a
    connection in TIME_WAIT that went the other way, and the client of that address is never heard:
    seen as a connect() without an answer, once in some 75,000.
    """
    for _ in range(PORT_TRIES):
        try:
            return backend.start(name, protocol, replace(options, port=random.choice(PORTS)))
        except StartFailed as failed:
            if not failed.port_taken:
                raise
    raise StartFailed(f"{PORT_TRIES} ports from {PORTS[0]} to {PORTS[-1]} are all taken")


def excused(server: Server, check: str) -> dict[str, str]:
    """Return the rows of a table that a server is not held to, each with the reason."""
    mark = f"{check}: "
    return {
        name.removeprefix(mark): why for name, why in server.cannot.items() if name.startswith(mark)
    }


def end_well(target: Target, *, silent: bool = True) -> None:
    """Stop it. Raises WrongAnswer unless it ends in time, by itself, all of it, and silently."""
    end = target.stop(END)
    if end.exit_code is None:
        raise WrongAnswer(f"had to be killed {END:g} s after SIGTERM")
    if end.exit_code != 0:
        raise WrongAnswer(f"exit code {end.exit_code} after SIGTERM: {last_line(end.stderr)}")
    if end.escaped:
        raise WrongAnswer(f"left {end.escaped} processes behind")
    if end.stderr and silent:
        raise WrongAnswer(f"wrote to stderr: {last_line(end.stderr)}")


def last_line(text: str) -> str:
    """Return what a traceback ends with."""
    return (text.strip().splitlines() or ["no last words"])[-1]
