"""One load by hand as the master sees it: what engines and meter have told so far. Pure."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from lab.record import LocustCount
from loadtests.engine.histogram import Histogram
from loadtests.web import gates
from loadtests.web.form import Wish
from loadtests.web.meter import Meter
from loadtests.web.spans import NS, Span, beside, joined

RECENT = 10  # seconds: what the gates judge while a load runs
SERIES = 120  # points, one a second
LEAST = 0.5  # seconds: the end of the last one is no second
MARKS = 12_000  # of an engine, 20 a second: ten minutes, longer than the meter's 21 readings take
PERCENTILES = {"p50": 50_000, "p90": 90_000, "p99": 99_000}
DIGITS = 3


def ms(ns: float) -> float:
    return float(f"{ns / 1e6:.{DIGITS}g}")


def per_second(n: int, span: Span) -> float:
    return round(n / span.seconds, 1)


def short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")


def times(found: Histogram) -> dict[str, float] | None:
    """Percentiles in ms; None without a sample. Of few samples p99 is just the largest."""
    if not found.count:
        return None
    told = {name: ms(found.quantile(p)) for name, p in PERCENTILES.items()}
    return told | {"max": ms(found.max)}


@dataclass
class Engine:
    """What one load engine has reported."""

    whole: Span | None = None
    recent: deque[Span] = field(default_factory=lambda: deque(maxlen=RECENT))
    marks: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=MARKS))

    def take(self, event: dict[str, Any]) -> Span:
        span = Span.read(event, self.recent[-1] if self.recent else None)
        if self.whole is None:
            self.whole = span.copy()
        else:
            self.whole.then(span)
        self.recent.append(span)
        self.marks.extend((at, n) for at, n in event["marks"])
        return span


@dataclass
class Load:
    """begun, ended: unix time; ended 0: not yet. state: preparing, running or stopping."""

    wish: Wish
    trial: str
    begun: float
    ended: float = 0.0
    meter: Meter | None = None
    no_meter: str = ""
    state: str = "preparing"
    engines: dict[str, Engine] = field(default_factory=dict)
    expected: int = 1  # engines
    now: Span | None = None
    series: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=SERIES))
    error: tuple[str, str] = ("", "")  # gate, and what broke
    final: list[dict[str, str]] = field(default_factory=list)  # gates at its end
    _seconds: dict[int, list[Span]] = field(default_factory=dict)
    _first_ns: int = -1

    def take(self, worker: str, event: dict[str, Any]) -> None:
        """Add one report of one engine; a second is whole when all of them have told of it."""
        span = self.engines.setdefault(worker, Engine()).take(event)
        if self._first_ns < 0:
            self._first_ns = span.window[0]
        told = self._seconds.setdefault(event["seq"], [])
        told.append(span)
        if len(told) == self.expected:
            self.now = beside(self._seconds.pop(event["seq"]))
            if self.meter:
                self.meter.settle(self.marks)
            if self.now.seconds >= LEAST:
                self.series.append(self._point(self.now))

    @property
    def marks(self) -> list[deque[tuple[int, int]]]:
        return [engine.marks for engine in self.engines.values()]

    @property
    def whole(self) -> Span | None:
        found = [engine.whole for engine in self.engines.values() if engine.whole]
        return beside(found) if found else None

    def gates(self) -> list[dict[str, str]]:
        """Judge the last seconds."""
        results = [
            joined(engine.recent).result(worker, self.trial, engine.marks)
            for worker, engine in self.engines.items()
        ]
        return gates.judge(self.wish, results, self.meter, None, self.error) if results else []

    def final_gates(self, locust: LocustCount | None) -> list[dict[str, str]]:
        """Judge all of it."""
        results = [
            engine.whole.result(worker, self.trial, engine.marks)
            for worker, engine in self.engines.items()
            if engine.whole
        ]
        return gates.judge(self.wish, results, self.meter, locust, self.error)

    def _point(self, span: Span) -> dict[str, Any]:
        response, service = times(span.times("response")), times(span.times("service"))
        lag, last = times(span.times("lag")), self.meter.last if self.meter else None
        return {
            "t": round((span.window[1] - self._first_ns) / NS, 1),
            "requests_per_s": per_second(span.completed, span),
            "response_p99_ms": response and response["p99"],
            "service_p99_ms": service and service["p99"],
            "server_cpu_us_per_request": short(self.meter.per_request_us if self.meter else None),
            "server_memory_bytes": last and last.memory_bytes,
            "send_lag_p99_ms": lag and lag["p99"],
        }
