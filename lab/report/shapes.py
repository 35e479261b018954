"""The shapes of what a report shows beside the verdicts: cells, ledgers, ladders, tables, courses.

Values only, see `lab.report.model`, which holds them all together and names them all.
"""

from typing import Literal

from pydantic import Field

from lab.model import Frozen


class Estimate(Frozen):
    """A number and its interval; None stands for an end that is open (no finite interval)."""

    value: float
    low: float | None
    high: float | None


class Spread(Frozen):
    """One metric of one cell over its usable trials: Hodges-Lehmann on the log scale."""

    metric: str  # cpu, throughput, ...
    unit: str  # "us/request", "requests/s", ...
    trials: int
    estimate: Estimate


class Percentile(Frozen):
    """One latency percentile of one cell: each trial gives one value, the trials give the interval.

    samples: requests behind it in the trial with the fewest; resolution_ns: width of the
    histogram's bucket there.
    """

    connection_class: str
    kind: Literal["response", "service", "connect", "lag"]
    percent: float  # 50, 90, 99, 99.9
    trials: int
    samples: int
    resolution_ns: int
    ns: Estimate


class Achieved(Frozen):
    """What became of one connection class of a cell, over its usable trials.

    held: the fewest at an edge of a window, of those that are held; established: the fewest of a
    storm. All else is added. replaced_per_s: ended by plan and back again, in the windows.
    """

    connection_class: str
    trials: int
    asked: int  # in one trial
    held: int | None
    established: int | None
    lost: int
    replaced_per_s: float | None
    due_per_s: float | None
    refused: int
    timed_out: int
    unfinished: int
    scheduled: int
    completed: int
    abandoned: int
    failed: dict[str, int]


class CellSummary(Frozen):
    """What one cell came to. metrics and latency are context, not verdicts."""

    id: str
    experiment: str
    arm: str
    server: str
    factors: dict[str, int]
    load: str  # in words: "4 long, open 1000/s; 900 idle"
    planned: int
    usable: int
    attempts: int
    voids: dict[str, int]  # gate -> attempts it voided
    metrics: list[Spread]
    latency: list[Percentile]
    mechanism: dict[str, float]  # medians: engine utilisation, events per wait, switches, ...
    connections: list[Achieved] = Field(default_factory=list, exclude_if=lambda rows: not rows)


class Figure(Frozen):
    """A number of the mechanism ledger over the traced trials of a cell: no interval, a range."""

    median: float
    low: float
    high: float


class Mechanism(Frozen):
    """What one cell asked of the kernel, from traced trials: explanation, no part of a verdict.

    figures: by the names of lab.mechanism.FIGURES; absent where they do not exist. voluntary,
    involuntary: context switches per request, median of the timed trials.
    """

    cell: str
    experiment: str
    arm: str
    server: str
    factors: dict[str, int]
    load: str  # as traced, in words
    runs: int  # traced trials with a ledger
    requests: int  # over all of them
    figures: dict[str, Figure] = Field(default_factory=dict)
    calls: dict[str, float] = Field(default_factory=dict)  # per request, by name
    waits_in: list[str] = Field(default_factory=list)
    agree: bool | None = None  # calls per request lie within 2 %; None: fewer than two runs
    voluntary: float | None = None
    involuntary: float | None = None
    contradiction: str = ""  # of the family that the catalog declares
    why_not: str = ""  # reasons why a trial has no ledger


class Point(Frozen):
    """One level of a ladder."""

    level: int
    y: Estimate
    blocks: int


class Ladder(Frozen):
    """Cost over a factor, one line per arm: the growth chart."""

    experiment: str
    factor: str
    arm: str
    metric: str
    unit: str
    points: list[Point]
    verdict: str  # "linear", "constant", ... or ""


class CrossoverLine(Frozen):
    """Ratio of two arms over a factor: the crossover chart."""

    claim: str
    experiment: str
    factor: str
    ratio: str  # "select / epoll"
    threshold: float
    points: list[Point]  # y is the ratio
    at: Estimate | None
    state: str  # found, below-range, above-range, none-in-range, not-monotone
    why: str


class ShapeLine(Frozen):
    """One statement on a table. low, high: the band it must lie in; None: open."""

    words: str
    state: Literal["holds", "fails", "opposite", "open"]
    found: Estimate | None
    low: float | None
    high: float | None


class Replication(Frozen):
    """A table beside the published one: its shape was judged, never its numbers.

    published, measured: rows of numbers in the order of columns; measured ones are medians.
    """

    verdict: Literal["reproduced", "not reproduced", "reversed", "open"]
    source: str = ""
    published_unit: str = ""
    unit: str = ""
    columns: list[str]
    published: dict[str, list[float | None]] = Field(default_factory=dict)
    measured: dict[str, list[float | None]] = Field(default_factory=dict)
    repeats: int = 0
    lines: list[ShapeLine] = Field(default_factory=list)
    told: dict[str, str] = Field(default_factory=dict)


class Tax(Frozen):
    """What reaching a server over one network costs, against the same one on another.

    cpu, service: ratios of CPU time per request and of the mean service time, block by block;
    cpu_us, service_us: what they are there. None: cannot be had.
    """

    experiment: str
    server: str
    factors: dict[str, int]
    load: str
    network: str
    against: str
    cpu: Estimate | None
    service: Estimate | None
    cpu_us: Estimate | None
    service_us: Estimate | None
    blocks: int


class Moment(Frozen):
    """One step of a load that changes. Rates are per second; times are us, None without replies."""

    at: float  # seconds since the start of the load
    lasts: float
    due: float | None  # None: a closed load, of which nothing is due
    done: float
    failed: float
    mean: float | None  # response time
    most: float | None


class Course(Frozen):
    """What became of one class of a cell whose load changes, over time; all usable trials.

    usable: False where there are none, and void ones are shown.
    """

    cell: str
    experiment: str
    arm: str
    factors: dict[str, int]
    connection_class: str
    load: str
    window: tuple[float, float]  # seconds since the start of the load
    trials: int
    usable: bool = True
    moments: list[Moment]
