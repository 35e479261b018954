"""The meter of a server in a container: one line of JSON from its port 7000, see servers/vitals.py.

What comes in is checked: a server under load is no friend. Clocks: `monotonic_ns` is the host's, so
on one host the load engines count by the same; elsewhere no count fits, and there is no CPU time
per request.
"""

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from lab.measure import count_at

TIMEOUT = 3.0  # seconds: a reading with 60 000 sockets takes half of one
MOST_BYTES = 65536  # of a line; it has some 300
READ_SHARE = 0.02  # of the time may be spent on readings: each costs the server's container CPU
LEAST_PERIOD, MOST_PERIOD = 1.0, 15.0  # seconds
KEPT = 240  # readings
OFF_NS = 120_000_000_000  # no reading is that far from the engines' last word on the same clock
Marks = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Reading:
    """None: the container's control group does not tell."""

    at_ns: int
    cpu_ns: int | None  # without the meter's own
    memory_bytes: int | None
    throttled: int | None
    sockets: int
    took_s: float = 0.0


class Line(BaseModel):
    """What servers/vitals.py says, shape 1: names may be added. None: it cannot be had."""

    model_config = ConfigDict(strict=True)

    shape: Literal[1]
    monotonic_ns: int
    own_ns: int
    cpu_ns: int | None
    memory_bytes: int | None
    throttled: int | None
    sockets: dict[str, int]


def parse(line: bytes, protocol: str, took_s: float = 0.0) -> Reading:
    """Read one line. Raises ValueError, in words fit to be shown."""
    try:
        told = Line.model_validate_json(line)
        sockets = told.sockets[protocol]
    except (ValidationError, KeyError) as error:
        raise ValueError("what it says is no line of a meter") from error
    used = None if told.cpu_ns is None else told.cpu_ns - told.own_ns
    return Reading(told.monotonic_ns, used, told.memory_bytes, told.throttled, sockets, took_s)


def read(host: str, port: int, protocol: str) -> Reading:
    """Ask once. Raises OSError, ValueError."""
    begun = time.monotonic()
    with socket.create_connection((host, port), TIMEOUT) as client:
        client.settimeout(TIMEOUT)
        line = b""
        while len(line) <= MOST_BYTES and (data := client.recv(4096)):
            line += data
    return parse(line, protocol, time.monotonic() - begun)


@dataclass
class Meter:
    """The readings of one load. idle: before any of its connections."""

    host: str
    port: int
    protocol: str
    idle: Reading | None = None
    first: Reading | None = None  # under load
    readings: list[Reading] = field(default_factory=list)
    note: str = ""  # why there is nothing newer
    spent_ns: int = 0  # CPU time between readings for which the requests are known, and those:
    served: float = 0.0
    per_request_us: float | None = None  # of the last such stretch
    _known_until: int = 0

    def ask(self) -> None:
        """Take a reading; never raises."""
        try:
            found = read(self.host, self.port, self.protocol)
        except (OSError, ValueError) as error:
            self.note = f"no meter at {self.host}:{self.port}: {error}"
            return
        self.note = "" if found.cpu_ns is not None else "the container does not tell its CPU time"
        self.first = self.first or found
        self.readings = [*self.readings, found][-KEPT:]

    @property
    def last(self) -> Reading | None:
        return self.readings[-1] if self.readings and not self.note.startswith("no ") else None

    @property
    def period(self) -> float:
        """Seconds between readings, so that they stay a small share of the server's time."""
        took = max((reading.took_s for reading in self.readings[-3:]), default=0.0)
        return min(max(LEAST_PERIOD, took / READ_SHARE), MOST_PERIOD)

    @property
    def cores(self) -> float | None:
        """CPUs that the server uses, between the last two readings."""
        if self.last is None or len(self.readings) < 2:
            return None
        a, b = self.readings[-2:]
        if a.cpu_ns is None or b.cpu_ns is None or b.at_ns <= a.at_ns:
            return None
        return (b.cpu_ns - a.cpu_ns) / (b.at_ns - a.at_ns)

    @property
    def throttled(self) -> int | None:
        """Periods in which a CPU limit held the server, since the first reading."""
        if self.last is None or self.first is None:
            return None
        if self.last.throttled is None or self.first.throttled is None:
            return None
        return self.last.throttled - self.first.throttled

    @property
    def held(self) -> int | None:
        """Sockets that the server holds more than before the load."""
        if self.last is None:
            return None
        return self.last.sockets - (self.idle.sockets if self.idle else 0)

    @property
    def mean_us(self) -> float | None:
        """CPU time per request over all of the load, µs."""
        return self.spent_ns / self.served / 1000 if self.served > 0 else None

    def settle(self, engines: Sequence[Marks]) -> None:
        """Hold the readings against the engines' marks, as far as all of them have got."""
        until = min((marks[-1][0] for marks in engines if marks), default=0)
        since = max((marks[0][0] for marks in engines if marks), default=0)
        if self.readings and until and abs(self.readings[-1].at_ns - until) > OFF_NS:
            self.note = "the meter's clock is not the load engines': no CPU time per request"
            return
        for a, b in pairwise(self.readings):
            if a.at_ns < max(since, self._known_until) or b.at_ns > until:
                continue
            self._known_until = b.at_ns
            done = sum(count_at(m, b.at_ns) - count_at(m, a.at_ns) for m in engines)
            if a.cpu_ns is None or b.cpu_ns is None:
                continue
            spent = b.cpu_ns - a.cpu_ns
            self.per_request_us = spent / done / 1000 if done > 0 else None
            self.spent_ns += spent
            self.served += done
