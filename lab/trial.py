"""One trial, from a fresh server to a record. Effects only through the seams of `Stage`.

The life-cycle, in order; whatever fails, the load is aborted and the server stopped:

 0. wait for room among the connections that the kernel follows
 1. spin: the fixed loop on the server's CPU (a covariate)
 2. start the server, pinned; wait until it listens
 3. verify: one byte-exact round trip
 4. footprint of the idle server
 5. prepare: the load engine connects all that is held open; wait until the server holds it too
 6. footprint of the connected server
 7. go: warm-up, window, cool-down run in the load engine
 8. read the meter at the 21 edges of 20 slices of the window; take the pace of the server's CPU
    in the middle of each
 9. footprint again, right behind the window; until then nobody hangs up
10. collect the result and Locust's own count
11. last reading, stop the server, spin again
12. the record: raw numbers, and what the gates say of them
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from lab import gates, ports, turnover
from lab.backends.contract import StartFailed, StartOptions, Target, WrongAnswer
from lab.drivers import placed, unseen
from lab.errors import EnvironmentUnfit, TrialFailed
from lab.host import Placement, Ticks
from lab.meter import Gone
from lab.model import Cell, Trial
from lab.orders import Order
from lab.record import (
    EngineResult,
    Footprint,
    LocustCount,
    MeterReading,
    MeterResult,
    Noise,
    PortUse,
    Record,
    ServerEnd,
)
from lab.seams import Pacer, Stage
from loadtests.engine.classes import FLEETING

SLICES = 20  # of the window, as in docs/method.md
PORT_TRIES = 8  # the drawn port and its neighbours; more are never all taken by accident
CENSUS_WAIT_S = 10.0  # for the server to accept what the engine has connected, and
ACCEPT_S = 0.002  # for each: one that looks through all it has at every step needs that at 15 000
CENSUS_STEP_S = 0.002
MANY = 500  # sockets; to close so many takes some ms
FEW = 4  # threads or processes; what so few use for their end is below the closure gate's limit
HOLD_S = 10.0  # of the connections, until the last footprint is taken: a tenth of a second at most
SETTLE_WAIT_S = 3.0  # for those that served one connection each to end, once it is closed
SETTLE_STEP_S = 0.01
STOP_WAIT_S = 6.0  # a server has 5 s to end on SIGTERM (contract)
WAITED_S = 1.0  # before a trial; a shorter wait is not told
RESULT_WAIT_S = 15.0  # beyond the planned end: a load engine that is later is lost
NS = 1_000_000_000


@dataclass
class _Parts:
    """A record in the making: what has been seen so far."""

    began_ns: int
    started_unix: float
    port: int
    engines: list[EngineResult] = field(default_factory=list)
    locust: LocustCount | None = None
    idle: Footprint | None = None
    ready: Footprint | None = None
    after: Footprint | None = None
    slices: list[MeterReading] = field(default_factory=list)
    ticks: list[Ticks] = field(default_factory=list)
    own: list[int] = field(default_factory=list)
    spins: list[int] = field(default_factory=list)
    pacer: Pacer | None = None
    pace: list[int] = field(default_factory=list)
    server: ServerEnd | None = None
    time_waits: int = -1
    waited_s: float = 0.0
    ports: PortUse | None = None
    error: str = ""
    error_gate: str = ""


def run_trial(trial: Trial, cell: Cell, attempt: int, place: Placement, stage: Stage) -> Record:
    """Run one attempt at one trial. Whatever happens inside it, a record comes out.

    Raises EnvironmentUnfit where this machine can run no such trial at all.
    """
    parts = _Parts(stage.clock.now_ns(), stage.clock.unix(), trial.port)
    target: Target | None = None
    try:
        ports.make_room(cell, stage.host)
        asked_ns, parts.began_ns = parts.began_ns, stage.clock.now_ns()
        waited_s = (parts.began_ns - asked_ns) / NS
        parts.waited_s = waited_s if waited_s >= WAITED_S else 0.0
        parts.time_waits = stage.host.time_waits()
        parts.spins.append(stage.host.spin(place.server))
        target = _start(trial, cell, place, stage, parts)
        _measure(trial, cell, place, stage, target, parts)
    except TrialFailed as failed:
        parts.error, parts.error_gate = str(failed), failed.gate
    except Gone as gone:
        parts.error, parts.error_gate = f"the server was gone: {gone}", "server-died"
    except WrongAnswer as wrong:
        parts.error, parts.error_gate = str(wrong), "trial-broke"
    except EnvironmentUnfit:
        raise
    except Exception:  # noqa: BLE001 the trial is void with its traceback stored, the run goes on
        parts.error, parts.error_gate = traceback.format_exc(), "trial-broke"
    finally:
        if parts.pacer is not None:
            parts.pacer.cancel()
        if parts.locust is None:
            stage.load.abort()
        if target is not None:
            parts.server = _stop(target, parts, stage)
    parts.spins.append(stage.host.spin(place.server))
    return _record(trial, cell, attempt, place, stage, parts)


def _start(trial: Trial, cell: Cell, place: Placement, stage: Stage, parts: _Parts) -> Target:
    for port in range(trial.port, trial.port + PORT_TRIES):
        options = StartOptions(
            port=port,
            cpu=place.server,
            workers=cell.workers,
            label=stage.run_id,
            env={"PYTHONHASHSEED": str(trial.hash_seed), "LAB_PADDING": "x" * trial.padding},
            network=cell.network,
            io_uring=cell.io_uring,
        )
        try:
            target = stage.backend.start(cell.server, cell.protocol, options)
        except StartFailed as failed:
            if failed.port_taken:
                continue
            raise TrialFailed("trial-broke", str(failed)) from failed
        parts.port = target.address[1] if stage.away else port
        return target
    raise EnvironmentUnfit(
        f"ports {trial.port} to {trial.port + PORT_TRIES - 1} are all taken. "
        "End what listens there, or choose another --seed."
    )


def _measure(
    trial: Trial, cell: Cell, place: Placement, stage: Stage, target: Target, parts: _Parts
) -> None:
    target.verify(cell.protocol)
    parts.idle = target.meter.footprint()
    stage.load.prepare(
        Order(
            trial=trial.id,
            label=cell.id,
            target=target.address,
            protocol=cell.protocol,
            classes=cell.load,
            seed=trial.arrival_seed,
            timing=cell.timing,
            cpu=place.engine,
            hold=HOLD_S,
            deadline=CENSUS_WAIT_S + turnover.held(cell) * ACCEPT_S,
            driver=placed(cell.driver, stage.folder),
        )
    )
    apart = FLEETING | unseen(cell.driver)
    held = sum(load.connections for name, load in cell.load.items() if name not in apart)
    parts.ready = _wait_for_census(target, parts.idle.held + held, stage)
    start_ns, end_ns = stage.load.go(trial.id)
    half = (end_ns - start_ns) // (2 * SLICES)
    middles = [start_ns + (2 * k + 1) * half for k in range(SLICES)]
    parts.pacer = stage.host.pacer(place.server, middles)
    cpus = {place.server, place.engine, place.control}
    slices = 1 if stage.away else SLICES
    for k in range(slices + 1):
        stage.clock.sleep_until(start_ns + (end_ns - start_ns) * k // slices)
        parts.slices.append(target.meter.glance())
        if k in (0, slices):
            parts.ticks.append(stage.host.ticks(cpus))
            parts.own.append(stage.host.own_cpu_ns())
    parts.after = target.meter.footprint()
    stage.load.release(trial.id)
    parts.pace = parts.pacer.taken()
    left_s = max(0.0, (end_ns - stage.clock.now_ns()) / NS) + cell.timing.cool_down
    parts.engines, parts.locust = stage.load.result(trial.id, left_s + RESULT_WAIT_S)
    engines = len(parts.engines)
    parts.ports = ports.used(cell, target.address, engines, parts.time_waits, stage.host)


def _wait_for_census(target: Target, sockets: int, stage: Stage) -> Footprint:
    """Wait until the server has accepted all; after the deadline the census gate judges."""
    if target.meter.sockets() < 0:  # nobody can tell
        return target.meter.footprint()
    now = stage.clock.now_ns
    deadline = now() + int((CENSUS_WAIT_S + sockets * ACCEPT_S) * NS)
    looked = now()
    while target.meter.sockets() != sockets and now() < deadline:
        # as long as the look took, for it slows down who is looked at: 900 processes, say
        stage.clock.sleep_until(now() + max(int(CENSUS_STEP_S * NS), now() - looked))
        looked = now()
    return target.meter.footprint()


def _stop(target: Target, parts: _Parts, stage: Stage) -> ServerEnd | None:
    died = not target.alive()
    if stage.away and not died:
        return None  # it goes on: there is no end to tell of
    try:
        _settle(target, parts, stage)
        last = target.meter.read().cpu_ns
    except Gone:
        last = parts.slices[-1].cpu_ns if parts.slices else 0
    end = target.stop(STOP_WAIT_S)
    return ServerEnd(
        exit_code=end.exit_code,
        died=died,
        counters=dict(end.counters),
        closure_cpu_ns=end.cpu_ns,
        last_cpu_ns=last,
        stderr=end.stderr,
    )


def _settle(target: Target, parts: _Parts, stage: Stage) -> None:
    """Let threads and processes of single connections end, and let many sockets be closed: that is
    work, and must be metered.
    """
    idle, after = parts.idle, parts.after
    if idle is None or after is None:
        return
    deadline = stage.clock.now_ns() + int(SETTLE_WAIT_S * NS)

    def busy(now: Callable[[], int], at_first: int) -> bool:
        return stage.clock.now_ns() < deadline and now() > at_first

    if after.threads > idle.threads + FEW:
        while busy(lambda: target.meter.footprint().threads, idle.threads + FEW):
            stage.clock.sleep_until(stage.clock.now_ns() + int(SETTLE_STEP_S * NS))
    if after.sockets > idle.sockets + MANY:
        while busy(target.meter.sockets, idle.sockets + FEW):
            stage.clock.sleep_until(stage.clock.now_ns() + int(SETTLE_STEP_S * NS))


def _noise(parts: _Parts, stage: Stage) -> Noise | None:
    if len(parts.ticks) < 2 or not parts.engines or stage.away:
        return None
    (before, after), (own_before, own_after) = parts.ticks, parts.own
    ours = own_after - own_before + sum(e.cpu_ns for e in parts.engines)
    ours += parts.slices[-1].cpu_ns - parts.slices[0].cpu_ns
    pressed = after.pressure_us - before.pressure_us if after.pressure_us >= 0 else -1
    return Noise(
        spin_before_ns=parts.spins[0],
        spin_after_ns=parts.spins[-1],
        pace_ns=parts.pace,
        steal_ns=after.steal_ns - before.steal_ns,
        pressure_us=pressed,
        foreign_cpu_ns=max(0, after.busy_ns - before.busy_ns - ours),
    )


def _record(
    trial: Trial, cell: Cell, attempt: int, place: Placement, stage: Stage, parts: _Parts
) -> Record:
    took = (stage.clock.now_ns() - parts.began_ns) / NS
    meter = None
    if parts.idle and parts.ready and parts.after and parts.slices:
        meter = MeterResult(
            slices=parts.slices,
            idle=parts.idle,
            ready=parts.ready,
            after=parts.after,
            own_clock=stage.away,
        )
    record = Record(
        trial=trial.id,
        cell=cell.id,
        experiment=cell.experiment,
        block=trial.block,
        attempt=attempt,
        started_unix=parts.started_unix,
        took_s=took,
        overhead_s=took - cell.timing.warm_up - cell.timing.window,
        waited_s=parts.waited_s,
        host=stage.host_digest,
        cpus=(place.server, place.engine),
        port=parts.port,
        engines=parts.engines,
        locust=parts.locust,
        meter=meter,
        noise=_noise(parts, stage),
        server=parts.server,
        ports=parts.ports,
        error=parts.error,
        error_gate=parts.error_gate,
    )
    return record.model_copy(update={"gates": gates.check(record, cell)})
