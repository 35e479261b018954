"""The meter of a server on another host: the line that it tells on a port of its own.

One connection for each reading (servers/vitals.py). It costs the server's container some 0.5 ms and
6 µs for each descriptor, which the line itself names as its own: subtracted here. So it is read at
the two edges of a window and never between.

Its times are of its own host's clock. They are subtracted from one another and from nothing else;
what lies between two of them is held against what went by here, as no two hosts count seconds
differently: where they do, the readings came from two hosts.
"""

import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.backends.contract import Address
from lab.meter import Gone
from lab.record import Footprint, MeterReading

ANSWER_S = 5.0  # for one line
MOST = 65_536  # bytes of it
READ = 4096  # bytes
SHAPE = 1  # version of the line that is understood, servers/vitals.py
CLOCKS = 0.001  # how much two clocks may differ in rate: NTP slews by half of it (adjtimex(2))
SLACK_NS = 1_000_000
LAG_NS = 10_000_000  # a group's account may lag by a timer tick for who runs at that moment
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Vitals:
    """One line, read. Numbers are UNKNOWN where the host does not tell."""

    at_ns: int
    cpu_ns: int  # the meter's own time left out
    memory_bytes: int
    throttled: int
    threads: int  # of the whole container
    sockets: Mapping[str, int]  # by protocol


def understood(line: bytes) -> Vitals:
    """Read a line. Raises ValueError. Pure.

    Whoever counts no processes stands in the root of its control groups: what it says of CPU time
    and memory is the whole machine's (pids.current, kernel documentation of cgroups), so it is
    left out.
    """
    said: Any = json.loads(line)
    if not isinstance(said, dict) or said.get("shape") != SHAPE:
        raise ValueError(f"no line of version {SHAPE} of the lab's meter")
    names = ("cpu_ns", "own_ns", "memory_bytes", "throttled", "pids")
    numbers = {name: said.get(name) for name in names}
    held = said.get("sockets")
    whole = all(n is None or isinstance(n, int) for n in numbers.values())
    if not (whole and isinstance(said.get("monotonic_ns"), int) and isinstance(held, dict)):
        raise ValueError("the lab's meter tells something else")
    root = numbers["pids"] is None
    known = {n: UNKNOWN if v is None or root else v for n, v in numbers.items()}
    used = known["cpu_ns"] - known["own_ns"] if known["cpu_ns"] >= 0 else UNKNOWN
    return Vitals(
        at_ns=said["monotonic_ns"],
        cpu_ns=used,
        memory_bytes=known["memory_bytes"],
        throttled=known["throttled"],
        threads=known["pids"],
        sockets={name: n for name, n in held.items() if isinstance(n, int)},
    )


def ask(address: Address) -> Vitals:
    """Take one reading. Raises OSError, ValueError."""
    with socket.create_connection(address, ANSWER_S) as connection:
        line = b""
        while b"\n" not in line and len(line) < MOST and (piece := connection.recv(READ)):
            line += piece
    return understood(line)


@dataclass(slots=True)
class AttachedMeter:
    """Reads one server in one protocol for one trial. address: None where there is no meter."""

    address: Address | None
    protocol: str
    _last: tuple[int, Vitals, int] | None = field(default=None, init=False)  # between two times

    def read(self) -> MeterReading:
        """One reading; bracket_ns: how long it took from here, somewhere in which it lies."""
        begun = time.monotonic_ns()
        if self.address is None:
            return _reading(begun, 0, UNKNOWN)
        found = self._ask()
        begun, _, ended = self._last or (begun, found, begun)
        return _reading(found.at_ns, ended - begun, found.cpu_ns)

    def glance(self) -> MeterReading:
        return self.read()

    def footprint(self) -> Footprint:
        """What a container tells of itself; the rest is UNKNOWN."""
        found = self._ask() if self.address else None
        return Footprint(
            pss_bytes=UNKNOWN,
            threads=found.threads if found else UNKNOWN,
            fds=UNKNOWN,
            sockets=found.sockets.get(self.protocol, UNKNOWN) if found else UNKNOWN,
            voluntary=UNKNOWN,
            involuntary=UNKNOWN,
            listen_overflows=UNKNOWN,
            listen_drops=UNKNOWN,
            memory_bytes=found.memory_bytes if found else UNKNOWN,
            throttled=found.throttled if found else UNKNOWN,
        )

    def fds(self) -> int:
        return UNKNOWN

    def sockets(self) -> int:
        return self._ask().sockets.get(self.protocol, UNKNOWN) if self.address else UNKNOWN

    def _ask(self) -> Vitals:
        assert self.address is not None
        host, port = self.address
        begun = time.monotonic_ns()
        try:
            found = ask(self.address)
        except (OSError, ValueError) as error:
            raise Gone(f"its meter at {host}:{port} does not answer: {error}") from error
        now = (begun, found, time.monotonic_ns())
        if self._last and (why := broken(self._last, now)):
            raise Gone(f"its meter at {host}:{port} {why}")
        self._last = now
        return found


def broken(before: tuple[int, Vitals, int], after: tuple[int, Vitals, int]) -> str:
    """Say why two readings, each between two times of this host, are not of one server. Pure."""
    least, most = after[0] - before[2], after[2] - before[0]
    there = after[1].at_ns - before[1].at_ns
    if not least * (1 - CLOCKS) - SLACK_NS <= there <= most * (1 + CLOCKS) + SLACK_NS:
        return "has answered from two hosts: something stands between and chooses. Name one of them"
    if after[1].cpu_ns < before[1].cpu_ns - LAG_NS:
        return "counts anew: the server was started again in the middle of the trial"
    return ""


def _reading(at_ns: int, bracket_ns: int, cpu_ns: int) -> MeterReading:
    return MeterReading(
        at_ns=at_ns,
        bracket_ns=bracket_ns,
        cpu_ns=cpu_ns,
        user_ns=UNKNOWN,
        system_ns=UNKNOWN,
        children_ns=UNKNOWN,
        processes=UNKNOWN,
    )
