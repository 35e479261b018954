"""What the engines report of a load by hand, added up: over time, and over engines. Pure.

A span is a stretch of one load: counts, histograms, connections. Two spans of one engine that
follow each other make one (`then`); spans of several engines at the same time make one (`beside`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from lab.record import ClassResult, Connections, Counts, EngineResult, HistogramData, WindowResult
from loadtests.engine.histogram import Histogram

NS = 1_000_000_000
HISTOGRAMS = ("response", "service", "lag", "connect")
NUMBERS = ("scheduled", "sent", "completed", "bytes_sent", "bytes_received")
CENSUS = ("asked", "established", "open", "lost")


@dataclass
class ClassSpan:
    """One connection class. held: open connections at the first and at the last edge."""

    counts: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    census: Counter[str] = field(default_factory=Counter)
    times: dict[str, Histogram] = field(default_factory=dict)
    held: tuple[int, int] = (0, 0)

    @classmethod
    def read(cls, told: Mapping[str, Any], held_before: int) -> Self:
        counts, connections = told["counts"], told["connections"]
        return cls(
            Counter({name: counts[name] for name in NUMBERS}),
            Counter(counts["failed"]),
            Counter({name: connections[name] for name in CENSUS}),
            {name: Histogram.from_json(told[name]) for name in HISTOGRAMS},
            (held_before, connections["open"]),
        )

    def add(self, other: "ClassSpan") -> None:
        """Add what is added in time and in space alike."""
        self.counts.update(other.counts)
        self.failed.update(other.failed)
        for name, times in other.times.items():
            self.times.setdefault(name, Histogram()).merge(times)

    def result(self) -> ClassResult:
        total = {name: self.counts[name] for name in NUMBERS}
        failed: Any = {kind: n for kind, n in self.failed.items() if n}
        times = {name: _data(found) for name, found in self.times.items()}
        return ClassResult(
            total=Counts(**total, failed=failed),
            window=WindowResult(**total, failed=failed, **times),
            connections=Connections(
                asked=self.census["asked"],
                established=self.census["established"],
                held_at_start=self.held[0],
                held_at_end=self.held[1],
                lost=self.census["lost"],
            ),
        )


def _data(found: Histogram) -> HistogramData:
    """As HistogramData(**found.to_json()), but unchecked, as it is our own: four times as fast."""
    return HistogramData.model_construct(
        count=found.count,
        sum=found.sum,
        min=found.min,
        max=found.max,
        buckets=sorted(found.buckets.items()),
    )


@dataclass
class Span:
    """window: ns of the engines' clock. cpu: share of the busiest engine's core."""

    window: tuple[int, int]
    classes: dict[str, ClassSpan] = field(default_factory=dict)
    cpu_ns: int = 0
    waits: int = 0
    events: int = 0
    full: int = 0
    backlog: int = 0
    in_flight: list[int] = field(default_factory=list)
    edges: tuple[int, int] = (0, 0)  # in flight at the first and at the last edge
    busiest: float = 0.0

    @classmethod
    def read(cls, event: Mapping[str, Any], before: "Span | None") -> Self:
        """Read a "live" event. before: what this engine reported last."""
        held = {name: span.held[1] for name, span in before.classes.items()} if before else {}
        low, high = event["window"]
        first, last = event["in_flight_at_edges"]
        return cls(
            (low, high),
            {
                name: ClassSpan.read(told, held.get(name, told["connections"]["open"]))
                for name, told in event["classes"].items()
            },
            cpu_ns=event["cpu_ns"],
            waits=event["waits"],
            events=event["events"],
            full=event["full"],
            backlog=event["backlog"],
            in_flight=list(event["in_flight"]),
            edges=(first, last),
            busiest=event["cpu_ns"] / max(1, high - low),
        )

    @property
    def seconds(self) -> float:
        return max(1, self.window[1] - self.window[0]) / NS

    @property
    def completed(self) -> int:
        return sum(span.counts["completed"] for span in self.classes.values())

    @property
    def failed(self) -> Counter[str]:
        return sum((span.failed for span in self.classes.values()), Counter[str]())

    def times(self, name: str) -> Histogram:
        """Return one histogram of all classes that ask."""
        total = Histogram()
        for span in self.classes.values():
            if name in span.times:
                total.merge(span.times[name])
        return total

    def copy(self) -> "Span":
        fresh = replace(self, classes={}, in_flight=self.in_flight[:])
        for name, span in self.classes.items():
            fresh.classes[name] = ClassSpan(census=span.census.copy(), held=span.held)
            fresh.classes[name].add(span)
        return fresh

    def then(self, later: "Span") -> None:
        """Go on with what the same engine reported next."""
        self.window = (self.window[0], later.window[1])
        self.edges = (self.edges[0], later.edges[1])
        self.cpu_ns += later.cpu_ns
        self.waits += later.waits
        self.events += later.events
        self.full += later.full
        self.backlog = later.backlog
        self.in_flight += later.in_flight
        self.busiest = self.cpu_ns / max(1, self.window[1] - self.window[0])
        for name, span in later.classes.items():
            mine = self.classes.setdefault(name, ClassSpan())
            mine.add(span)
            mine.census = span.census.copy()
            mine.held = (mine.held[0], span.held[1])

    def result(self, engine: str, trial: str, marks: Iterable[tuple[int, int]]) -> EngineResult:
        """Return it as the result of a trial, which the lab's gates can judge."""
        classes: Any = {name: span.result() for name, span in self.classes.items()}
        return EngineResult(
            engine=engine,
            trial=trial,
            window=self.window,
            crossed=self.window,
            classes=classes,
            marks=list(marks),
            in_flight=self.in_flight,
            in_flight_at_edges=self.edges,
            cpu_ns=self.cpu_ns,
            waits=self.waits,
            events=self.events,
            full=self.full,
            deltas=0,
            delta_requests=self.completed + self.failed.total(),
        )


def followed(before: Span | None, later: Span) -> Span:
    """One span of two of an engine, of which the later one is left as it is."""
    if before is None:
        return later.copy()
    before.then(later)
    return before


def beside(spans: Iterable[Span]) -> Span:
    """One span of several engines at the same time: requests and connections add up.

    Their edges are some ms apart, as their starts were; it is as long as the longest of them.
    """
    found = list(spans)
    begun, length = min(s.window[0] for s in found), max(s.window[1] - s.window[0] for s in found)
    total = Span((begun, begun + length))
    for span in found:
        total.backlog += span.backlog
        total.busiest = max(total.busiest, span.busiest)
        for name, mine in span.classes.items():
            other = total.classes.setdefault(name, ClassSpan())
            other.add(mine)
            other.census.update(mine.census)
            other.held = (other.held[0] + mine.held[0], other.held[1] + mine.held[1])
    return total
