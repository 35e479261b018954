"""A whole run, made up from a known truth: what each request costs the server, cell by cell.

`simulate` writes a record for every planned trial whose CPU time per request is cost(cell) times
noise, the rest of it healthy. What the analysis must find is then true by construction.
"""

import math
import random

from lab.measure import ACTIVE
from lab.record import (
    ClassResult,
    Connections,
    Counts,
    EngineResult,
    LocustCount,
    MeterResult,
    Record,
    WindowResult,
)
from tests.lab import records as r

BEFORE = 100  # requests before the window, and as many behind it
MS = r.MS


def made(trial, cell, cost_us, attempt=0, **changes) -> Record:
    """A healthy record of that trial in which one request costs cost_us of server CPU time."""
    window_ns = int(cell.timing.window * 1e9)
    requests = 2000
    done = {name: requests for name in ACTIVE if name in cell.load}
    total = sum(done.values())
    held = sum(load.connections for name, load in cell.load.items() if name != "short")
    steps = [r.START + k * window_ns // 20 for k in range(21)]
    slices = [
        r.readings()[0].model_copy(
            update={"at_ns": at, "cpu_ns": int(cost_us * 1000 * total * k / 20)}
        )
        for k, at in enumerate(steps)
    ]
    ms = window_ns // MS
    marks = [(r.START + k * MS, BEFORE + total * k // ms) for k in range(-50, ms + 51)]
    record = r.record(
        trial=trial.id,
        cell=cell.id,
        experiment=cell.experiment,
        block=trial.block,
        attempt=attempt,
        port=trial.port,
        engines=[_engine(cell, window_ns, done, marks)],
        locust=LocustCount(
            requests=total + 2 * BEFORE * len(done), failures=0, workers=1, lost_workers=0
        ),
        meter=MeterResult(
            slices=slices,
            idle=r.footprint(8),
            ready=r.footprint(8 + held),
            after=r.footprint(8 + held),
        ),
    )
    return record.model_copy(update=changes)


def _engine(cell, window_ns, done, marks) -> EngineResult:
    classes = {}
    for name, load in cell.load.items():
        n = done.get(name, 0)
        everything = n + 2 * BEFORE if n else 0
        # closed: N = X (R + Z) must hold, so the response time follows from it
        x = n / (window_ns / 1e9)
        closed_ns = int((load.connections / x - load.think_s) * 1e9) if n and not load.rate else 0
        response = max(1000, closed_ns) if closed_ns else r.SERVICE_NS
        one = name != "short"
        held = load.connections if one else 0
        classes[name] = ClassResult(
            total=Counts(scheduled=everything, sent=everything, completed=everything),
            window=WindowResult(
                scheduled=n,
                sent=n,
                completed=n,
                response=r.histogram(response, n),
                service=r.histogram(response, n),
                lag=r.histogram(1000, n),
            ),
            connections=Connections(
                asked=load.connections, established=held, held_at_start=held, held_at_end=held
            ),
        )
    edges = (r.START, r.START + window_ns)
    total = sum(done.values())
    return r.engine(
        classes=classes,
        window=edges,
        crossed=edges,
        marks=marks,
        in_flight=[0],
        cpu_ns=window_ns // 3,
        delta_requests=total + 2 * BEFORE * len(done),
    )


def simulate(plan, cost, sd=0.05, seed=1, blocks=None):
    """One record per planned trial (no spare blocks): cost(cell) us, times exp(normal(0, sd)).

    Blocks share a common factor, as on a machine whose speed wanders.
    """
    dice = random.Random(seed)
    last = max(plan.looks) if blocks is None else blocks
    weather = {}
    for trial in plan.trials:
        if trial.block >= last:
            continue
        cell = plan.cell(trial.cell)
        speed = weather.setdefault((trial.experiment, trial.block), math.exp(dice.gauss(0, 0.3)))
        yield made(trial, cell, cost(cell) * speed * math.exp(dice.gauss(0, sd)))
