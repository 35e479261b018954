"""A healthy record, made up and consistent: what the tests of gates and analysis start from."""

from lab.model import Cell, ClassLoad, Timing
from lab.record import (
    ClassResult,
    Connections,
    Counts,
    EngineResult,
    Footprint,
    HistogramData,
    LocustCount,
    MeterReading,
    MeterResult,
    Noise,
    PortUse,
    Record,
    ServerEnd,
    WindowResult,
)
from loadtests.engine.histogram import Histogram

MS = 1_000_000
START = 1_000 * MS  # the window's first edge, ns
WINDOW = 500 * MS
REQUESTS = 1000  # in the window; 100 more before and after it
SERVICE_NS = 100_000
IDLE = 20
LONG = 4


def histogram(value_ns: int, count: int = REQUESTS) -> HistogramData:
    made = Histogram()
    made.add(value_ns, count)
    return HistogramData.model_validate(made.to_json())


def cell(**changes) -> Cell:
    base = {
        "id": "ladder/epoll/idle=20",
        "experiment": "ladder",
        "arm": "epoll",
        "factors": {"idle": IDLE},
        "server": "epoll",
        "protocol": "echo",
        "load": {
            "long": ClassLoad(connections=LONG, rate=REQUESTS / 0.5),
            "idle": ClassLoad(connections=IDLE),
        },
        "timing": Timing(warm_up=0.05, window=0.5, cool_down=0.05),
    }
    return Cell.model_validate({**base, **changes})


def closed_cell() -> Cell:
    """Two connections that ask again 900 us after each reply: 2 / (100 + 900) us = 2000/s."""
    return cell(load={"long": ClassLoad(connections=2, think_s=900e-6)})


def footprint(sockets: int, **changes) -> Footprint:
    base = {
        "pss_bytes": 10_000_000,
        "threads": 1,
        "fds": 3 * sockets,
        "sockets": sockets,
        "voluntary": 10 * sockets,
        "involuntary": 0,
        "listen_overflows": 5,
        "listen_drops": 7,
    }
    return Footprint.model_validate({**base, **changes})


def readings(cpu_per_slice_ns=2 * MS) -> list[MeterReading]:
    """21 edges; CPU per slice: a number, or one for each of the 20 slices."""
    steps = [cpu_per_slice_ns] * 20 if isinstance(cpu_per_slice_ns, int) else cpu_per_slice_ns
    cpu = 50 * MS
    made = []
    for k in range(21):
        made.append(
            MeterReading(
                at_ns=START + k * WINDOW // 20,
                bracket_ns=5_000,
                cpu_ns=cpu,
                user_ns=0,
                system_ns=0,
                children_ns=0,
                processes=1,
            )
        )
        cpu += steps[k] if k < 20 else 0
    return made


def engine(**changes) -> EngineResult:
    total = Counts(scheduled=1200, sent=1200, completed=1200)
    window = WindowResult(
        scheduled=REQUESTS,
        sent=REQUESTS,
        completed=REQUESTS,
        response=histogram(SERVICE_NS + 20_000),
        service=histogram(SERVICE_NS),
        lag=histogram(20_000),
    )
    base = {
        "engine": "1",
        "trial": "t",
        "window": (START, START + WINDOW),
        "crossed": (START, START + WINDOW),
        "classes": {
            "long": ClassResult(
                total=total,
                window=window,
                connections=Connections(
                    asked=LONG, established=LONG, held_at_start=LONG, held_at_end=LONG
                ),
            ),
            "idle": ClassResult(
                total=Counts(),
                window=WindowResult(),
                connections=Connections(
                    asked=IDLE, established=IDLE, held_at_start=IDLE, held_at_end=IDLE
                ),
            ),
        },
        # two requests a millisecond, from 50 ms before the window to 50 ms behind it
        "marks": [(START + k * MS, 100 + 2 * k) for k in range(-50, 551)],
        "in_flight": [0, 1] * 25,
        "in_flight_at_edges": (1, 0),
        "cpu_ns": 200 * MS,
        "waits": 900,
        "events": 1000,
        "full": 0,
        "deltas": 1,
        "delta_requests": 1200,
    }
    return EngineResult.model_validate({**base, **changes})


def of_class(result: EngineResult, name: str, part: str, **changes) -> EngineResult:
    """The same engine result with one part (total, window, connections) of a class changed."""
    found = result.classes[name]
    new = found.model_copy(update={part: getattr(found, part).model_copy(update=changes)})
    return result.model_copy(update={"classes": {**result.classes, name: new}})


def record(**changes) -> Record:
    base = {
        "trial": "ladder.00.epoll.idle=20",
        "cell": "ladder/epoll/idle=20",
        "experiment": "ladder",
        "block": 0,
        "attempt": 0,
        "started_unix": 1.0,
        "took_s": 1.0,
        "overhead_s": 0.3,
        "host": "abc",
        "cpus": (0, 1),
        "port": 20_000,
        "engines": [engine()],
        "locust": LocustCount(requests=1200, failures=0, workers=1, lost_workers=0),
        "meter": MeterResult(
            slices=readings(),
            idle=footprint(8),
            ready=footprint(8 + LONG + IDLE),
            after=footprint(8 + LONG + IDLE),
        ),
        "noise": Noise(
            spin_before_ns=3 * MS,
            spin_after_ns=3 * MS,
            pace_ns=[100_000] * 20,
            steal_ns=0,
            pressure_us=0,
            foreign_cpu_ns=0,
        ),
        "server": ServerEnd(
            exit_code=0, died=False, counters={}, closure_cpu_ns=100 * MS, last_cpu_ns=95 * MS
        ),
        "ports": PortUse(time_wait=5, machine_before=5, machine_after=9, ports=28_232, addresses=1),
    }
    return Record.model_validate({**base, **changes})
