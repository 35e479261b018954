"""What a trial leaves behind: one record, raw, nothing rounded, as it stands in `trials.jsonl`.

Counts are exact integers, times are nanoseconds of CLOCK_MONOTONIC unless named otherwise.
`SCHEMA` is the version written; `read` accepts every version ever written.
"""

from typing import Any, Literal

from pydantic import Field

from lab.model import ClassName, Frozen

SCHEMA = 1

FailureKind = Literal[
    "refused", "reset", "closed", "timeout", "short", "wrong", "unsent", "no-port", "raised"
]
"""refused: connect() failed; reset: ECONNRESET or EPIPE; closed: end of file instead of a reply;
timeout: no whole reply by the end of the cool-down; short: end of file inside a reply;
wrong: bytes differ; unsent: scheduled, but no free connection took it in time; no-port: connect()
had no port left to come from, which is the load's own lack; raised: a user's own code let an
exception out (locustfiles only)."""


class HistogramData(Frozen):
    """A log-linear histogram, ns: 1024 sub-buckets, at most 0.1 % wide; exact count and sum."""

    count: int = 0
    sum: int = 0
    min: int = 0
    max: int = 0
    buckets: list[tuple[int, int]] = Field(default_factory=list)  # (index, how many), ascending


class Counts(Frozen):
    """Requests by fate: scheduled = completed + failed + abandoned (+ in flight, inside a window).

    abandoned: given up by the load itself, as planned, which is no failure of the server.
    """

    scheduled: int = 0
    sent: int = 0
    completed: int = 0
    failed: dict[FailureKind, int] = Field(default_factory=dict)
    abandoned: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0


class WindowResult(Counts):
    """The window: replies counted by their `done` stamp, schedules by their intended start."""

    response: HistogramData = HistogramData()  # done - intended
    service: HistogramData = HistogramData()  # done - sent
    lag: HistogramData = HistogramData()  # sent - intended: the load engine's own delay
    connect: HistogramData = HistogramData()  # established - connect() called
    first_byte: HistogramData = HistogramData()  # first byte - sent
    behind: HistogramData = HistogramData()  # read - received by the kernel; a sample of reads


class Connections(Frozen):
    """The connection census of a class."""

    asked: int = 0
    established: int = 0  # before the load starts (held ones); completed connects (short, storm)
    held_at_start: int = 0  # open at the window's first edge
    held_at_end: int = 0  # open at the window's last edge
    lost: int = 0  # closed by the other side while they should have been held
    renewing_at_start: int = 0  # ended by plan and not back yet, at the window's first edge
    renewing_at_end: int = 0  # and at the last one
    due: int = 0  # of churn: replacements scheduled in the window
    replaced: int = 0  # ended by plan and back again, in the window
    refused: int = 0  # connects refused while the load ran
    timed_out: int = 0  # connects without an answer by the end
    unfinished: int = 0  # half-closed, and the server did not hang up in time


class SeriesData(Frozen):
    """A class from the start of the load to its last reply, in steps of `step_ns`.

    due: requests scheduled, [] where nothing is; completed: by when they came; failed: by when it
    was noticed, or by their intended start; response, most: the sum and the longest of the response
    times of those completed, ns. Series of one trial are added step by step.
    """

    step_ns: int
    due: list[int]
    completed: list[int]
    failed: list[int]
    response: list[int]
    most: list[int]


class ClassResult(Frozen):
    """One connection class over the whole trial, and its window. series: where the load changes."""

    total: Counts
    window: WindowResult
    connections: Connections
    series: SeriesData | None = Field(default=None, exclude_if=lambda series: series is None)


class Named(Frozen):
    """What a locustfile's users counted under one name of theirs, inside the window.

    method, name: as Locust calls them; "user": exceptions that a user let out, by its class.
    untimed: requests that they told no response time of. errors: texts, the most frequent ones.
    """

    method: str
    name: str
    completed: int
    untimed: int
    failed: dict[FailureKind, int]
    errors: dict[str, int]
    response: HistogramData


class EngineResult(Frozen):
    """What one load engine saw in one trial.

    window: planned edges, absolute ns; crossed: the instants at which the engine did cross them.
    marks: (ns, requests completed so far over all classes), at most one a millisecond, for the
    whole trial: they align the count with the meter's own instants.
    in_flight: requests sent and unanswered, sampled every 10 ms of the window, independent of
    the stamps. cpu_ns: CPU the engine's process used inside the window. waits, events, full: calls
    of epoll_wait in the window, events they returned, and calls that found the set full.
    driver: what did the work of the engine; plain Locust users count no waits and no events. names:
    of a locustfile, the most frequent ones; its users tell no first byte, no lag, no bytes sent.
    """

    engine: str
    core: Literal["python", "compiled"] = "python"  # of its hot path
    driver: Literal["engine", "greenlets", "locustfile"] = Field(
        default="engine", exclude_if=lambda driver: driver == "engine"
    )
    trial: str
    window: tuple[int, int]
    crossed: tuple[int, int]
    classes: dict[ClassName, ClassResult]
    marks: list[tuple[int, int]]
    in_flight: list[int]
    in_flight_at_edges: tuple[int, int]
    cpu_ns: int
    waits: int
    events: int
    full: int
    deltas: int  # how many deltas were handed to Locust, and their sum:
    delta_requests: int
    stalled_ns: int = 0  # the longest that a beat of 10 ms in the window came late
    # inside the window, ready to run and not running; -1: an old record, or a kernel that is silent
    delayed_ns: int = Field(default=-1, exclude_if=lambda ns: ns < 0)
    names: list[Named] = Field(default_factory=list, exclude_if=lambda names: not names)


class LocustCount(Frozen):
    """What Locust's own statistics on the master gained over the trial."""

    requests: int  # failures included, as Locust counts
    failures: int
    workers: int  # connected at the end
    lost_workers: int  # missing at any time in the trial


class MeterReading(Frozen):
    """CPU counters of the whole server at an instant (midpoint of the read bracket)."""

    at_ns: int
    bracket_ns: int
    cpu_ns: int  # all threads, exited ones too, and reaped children
    user_ns: int  # the split is tick-sampled: never decided on
    system_ns: int
    children_ns: int
    processes: int


class Footprint(Frozen):
    """Slower counters, read outside the window."""

    # -1: cannot be had where the server runs, or an old record
    pss_bytes: int
    threads: int
    fds: int
    sockets: int = -1  # each once, however many processes share it
    voluntary: int  # context switches, live tasks only
    involuntary: int
    listen_overflows: int
    listen_drops: int
    memory_bytes: int = -1  # of the control group, kernel memory for it included; -1: has none
    throttled: int = -1  # periods in which a CPU limit held it; -1: has none

    @property
    def held(self) -> int:
        """Sockets; of an old record descriptors, which forked processes count several times."""
        return self.fds if self.sockets < 0 else self.sockets


class MeterResult(Frozen):
    """All meter readings of a trial. slices: 21 readings, the edges of 20 slices of the window.

    own_clock: the server's host is another one. Then there are two readings, inside the window;
    their times are of a clock that is held against no other, and their CPU time may be -1: unknown.
    """

    slices: list[MeterReading]
    idle: Footprint  # before any connection
    ready: Footprint  # all connections of the census established, no request yet
    after: Footprint  # just behind the window, connections still open
    own_clock: bool = Field(default=False, exclude_if=lambda own: not own)


class Noise(Frozen):
    """What the machine did meanwhile: covariates, and gates only where gross."""

    spin_before_ns: int  # CPU ns of a fixed loop on the server's CPU
    spin_after_ns: int
    pace_ns: list[int]  # CPU ns of a shorter loop there, in the middle of each slice of the window
    steal_ns: int  # in the window, all CPUs of the lab together
    pressure_us: int  # PSI cpu "some" over the window; -1 where the kernel has none
    foreign_cpu_ns: int  # CPU time in the window that was neither the server's nor the lab's


class PortUse(Frozen):
    """What connections that come and go did to the ports. Of no other trials.

    time_wait: sockets in TIME_WAIT to this server, behind the trial; machine_before, machine_after:
    of the load's whole host. ports: of one source address. addresses: of all classes.
    """

    time_wait: int
    machine_before: int
    machine_after: int
    ports: int
    addresses: int


class ServerEnd(Frozen):
    """How the server ended."""

    exit_code: int | None  # None: had to be killed
    died: bool  # before it was asked to stop
    counters: dict[str, int]
    closure_cpu_ns: int  # rusage of the whole tree after exit
    last_cpu_ns: int  # the last meter reading before it
    stderr: str = ""


class GateResult(Frozen):
    """What one gate found: its measured value, its threshold, and whether it voids the trial."""

    gate: str
    state: Literal["ok", "warn", "void"]
    value: float
    limit: float
    why: str


class Record(Frozen):
    """One attempt at one trial.

    error: set where the trial broke before it could be measured; then most parts are None.
    gates: as found when it ran. The analysis runs them again, so old records can be judged anew.
    """

    schema_version: int = SCHEMA
    trial: str
    cell: str
    experiment: str
    block: int
    attempt: int
    started_unix: float
    took_s: float
    overhead_s: float  # took_s less warm-up, window
    waited_s: float = Field(default=0.0, exclude_if=lambda s: not s)  # before it: see lab.ports
    host: str  # hash of the host facts
    cpus: tuple[int, int]  # server's, load engine's; -1: not pinned
    port: int
    engines: list[EngineResult] = Field(default_factory=list)
    locust: LocustCount | None = None
    meter: MeterResult | None = None
    noise: Noise | None = None
    server: ServerEnd | None = None
    ports: PortUse | None = Field(default=None, exclude_if=lambda use: use is None)
    error: str = ""
    error_gate: str = ""  # the gate this error trips
    gates: list[GateResult] = Field(default_factory=list)

    @property
    def ended_unix(self) -> float:
        """When the next one could begin."""
        return self.started_unix + self.waited_s + self.took_s


def read(line: str) -> Record:
    """Parse one line of trials.jsonl. Raises ValueError on an unknown version or shape."""
    return Record.model_validate_json(line)


def as_json(value: Any) -> str:
    """One line of JSON, keys in the order of declaration: the same value, the same bytes."""
    text: str = value.model_dump_json()
    return text
