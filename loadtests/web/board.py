"""One load by hand as the master sees it: what engines and meter have told so far. Pure."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.record import LocustCount
from loadtests.engine.histogram import SCALE, Histogram, bounds, rank, supports
from loadtests.web import gates
from loadtests.web.form import Wish
from loadtests.web.meter import Meter
from loadtests.web.spans import HISTOGRAMS, NS, Span, beside, followed

STRETCH = 5  # seconds: while a load runs the gates judge so much, each time it is over
SERIES = 120  # points, one a second
LEAST = 0.5  # seconds: the end of the last one is no second
MARKS = 12_000  # of an engine, 20 a second: ten minutes, longer than the meter's 21 readings take
PERCENTILES = {"p50": 50_000, "p90": 90_000, "p99": 99_000}
DIGITS = 3


def ms(ns: float) -> float:
    return float(f"{ns / 1e6:.{DIGITS}g}")


def per_second(n: int, seconds: float) -> float:
    return round(n / seconds, 1) if seconds else 0.0


def short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")


def times(found: Histogram) -> dict[str, float | None] | None:
    """Percentiles in ms, None where fewer than ten samples lie beyond; None without a sample.

    As Histogram.quantile(), all of them in one pass: this is done every second.
    """
    if not found.count:
        return None
    told: dict[str, float | None] = dict.fromkeys(PERCENTILES)
    shown = {name: p for name, p in PERCENTILES.items() if supports(p / SCALE, found.count)}
    left, seen = deque((name, rank(p, found.count)) for name, p in shown.items()), 0
    for index in sorted(found.buckets):
        seen += found.buckets[index]
        while left and seen >= left[0][1]:
            low, width = bounds(index)
            told[left.popleft()[0]] = ms(min(low + width - 1, found.max))
    return told | {"max": ms(found.max), "samples": found.count}


@dataclass
class Total:
    """All engines since the start."""

    completed: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    response: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)

    def add(self, span: Span, found: Mapping[str, Histogram]) -> None:
        self.completed += span.completed
        self.failed.update(span.failed)
        self.seconds += span.seconds
        self.response.merge(found["response"])
        self.service.merge(found["service"])


@dataclass
class Engine:
    """What one load engine has reported. whole: up to `recent`, unseen by the gates."""

    whole: Span | None = None
    recent: Span | None = None
    last: Span | None = None
    marks: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=MARKS))

    def take(self, event: dict[str, Any]) -> Span:
        span = self.last = Span.read(event, self.last)
        self.recent = followed(self.recent, span)
        self.marks.extend((at, n) for at, n in event["marks"])
        return span

    def turn(self) -> None:
        """Begin a new stretch for the gates."""
        if self.recent is not None:
            self.whole = followed(self.whole, self.recent)
        self.recent = None


@dataclass
class Load:
    """begun, ended: unix time; ended 0: not yet. state: preparing, running or stopping.

    shown: percentiles of the last second, by histogram. judged: the gates on the last stretch.
    """

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
    shown: dict[str, dict[str, float | None] | None] = field(default_factory=dict)
    total: Total = field(default_factory=Total)
    judged: list[dict[str, str]] = field(default_factory=list)
    series: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=SERIES))
    error: tuple[str, str] = ("", "")  # gate, and what broke
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
            self._second(event["seq"], beside(self._seconds.pop(event["seq"])))

    def _second(self, number: int, span: Span) -> None:
        found = {name: span.times(name) for name in HISTOGRAMS}
        self.now, self.shown = span, {name: times(one) for name, one in found.items()}
        self.total.add(span, found)
        if self.meter:
            self.meter.settle(self.marks)
        if span.seconds >= LEAST:
            self.series.append(self._point(span))
        if number == 1 or number % STRETCH == 0:
            self.judged = self._judge(None, [engine.recent for engine in self.engines.values()])
        if number % STRETCH == 0:
            for engine in self.engines.values():
                engine.turn()

    @property
    def marks(self) -> list[deque[tuple[int, int]]]:
        return [engine.marks for engine in self.engines.values()]

    def conclude(self, locust: LocustCount | None) -> None:
        """Judge all of it."""
        for engine in self.engines.values():
            engine.turn()
        if self.meter:
            self.meter.settle(self.marks)
        self.judged = self._judge(locust, [engine.whole for engine in self.engines.values()])

    def _judge(
        self, locust: LocustCount | None, spans: Sequence[Span | None]
    ) -> list[dict[str, str]]:
        told = zip(self.engines.items(), spans, strict=True)
        results = [
            span.result(worker, self.trial, engine.marks) for (worker, engine), span in told if span
        ]
        return gates.judge(self.wish, results, self.meter, locust, self.error)

    def _point(self, span: Span) -> dict[str, Any]:
        response, service, lag = (self.shown[name] for name in ("response", "service", "lag"))
        last = self.meter.last if self.meter else None
        return {
            "t": round((span.window[1] - self._first_ns) / NS, 1),
            "requests_per_s": per_second(span.completed, span.seconds),
            "response_p99_ms": response and response["p99"],
            "service_p99_ms": service and service["p99"],
            "server_cpu_us_per_request": short(self.meter.per_request_us if self.meter else None),
            "server_memory_bytes": last and last.memory_bytes,
            "send_lag_p99_ms": lag and lag["p99"],
        }
