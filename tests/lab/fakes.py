"""A fake for every seam of a trial: a whole run takes no time, and every call is written down."""

from dataclasses import dataclass, field

from lab.backends.contract import Exit, StartFailed, StartOptions
from lab.errors import TrialFailed
from lab.host import Placement, Ticks
from lab.meter import Gone
from lab.model import Cell, Plan, Trial
from lab.record import MeterReading
from lab.trial import Stage
from tests.lab import records as r

PLACE = Placement(server=1, engine=0, control=0)


class FakeClock:
    """Time passes only by sleeping."""

    def __init__(self):
        self.ns = 0

    def now_ns(self):
        return self.ns

    def unix(self):
        return 1_700_000_000 + self.ns / 1e9

    def sleep_until(self, at_ns):
        self.ns = max(self.ns, at_ns)


@dataclass
class FakeMeter:
    """CPU time runs at `share` of the clock; descriptors are those of the healthy record."""

    clock: FakeClock
    said: list
    gone_at_ns: int | None = None
    share: float = 0.08
    connected: bool = False

    def read(self):
        self.said.append("read")
        if self.gone_at_ns is not None and self.clock.ns >= self.gone_at_ns:
            raise Gone("process 7 has ended")
        return MeterReading(
            at_ns=self.clock.ns,
            bracket_ns=1_000,
            cpu_ns=int(self.clock.ns * self.share),
            user_ns=0,
            system_ns=0,
            children_ns=0,
            processes=1,
        )

    def glance(self):
        return self.read()

    def footprint(self):
        self.said.append("footprint")
        return r.footprint(8 + (r.LONG + r.IDLE if self.connected else 0))

    def sockets(self):
        return self.footprint().sockets


@dataclass
class FakeTarget:
    clock: FakeClock
    said: list
    meter: FakeMeter
    address: tuple = ("127.0.0.1", 20_000)
    pid: int = 7
    dead: bool = False

    def verify(self, protocol):
        self.said.append(f"verify {protocol}")

    def alive(self):
        return not self.dead and self.meter.gone_at_ns is None

    def stop(self, timeout):
        self.said.append("stop")
        code = 0 if self.alive() else -9
        cpu = int(self.clock.ns * self.meter.share)
        return Exit(code, {"refused": 0}, "", cpu, cpu, 0, 0)


@dataclass
class FakeBackend:
    clock: FakeClock
    said: list
    taken: set = field(default_factory=set)
    fail: str = ""
    gone_at_ns: int | None = None
    started: list = field(default_factory=list)

    def start(self, server, protocol, options: StartOptions):
        self.said.append(f"start {server}")
        self.started.append(options)
        if options.port in self.taken:
            raise StartFailed("port taken", 5, port_taken=True)
        if self.fail:
            raise StartFailed(self.fail, 1)
        self.meter = FakeMeter(self.clock, self.said, self.gone_at_ns)
        return FakeTarget(self.clock, self.said, self.meter)


class FakeLoad:
    """Answers each trial with the healthy engine result, moved to where the clock stands."""

    def __init__(self, clock, said, backend):
        self.clock, self.said, self.backend = clock, said, backend
        self.fail_in = {}  # step -> TrialFailed
        self.results = {}  # trial -> changes of the engine result
        self.orders = []

    def prepare(self, order):
        self.said.append("prepare")
        self.orders.append(order)
        self.order = order
        self._maybe_fail("prepare")
        self.backend.meter.connected = True

    def go(self, trial):
        self.said.append("go")
        self._maybe_fail("go")
        self.start = self.clock.ns + int(self.order.timing.warm_up * 1e9)
        return self.start, self.start + r.WINDOW

    def result(self, trial, deadline_s):
        self.said.append("result")
        self._maybe_fail("result")
        edges = (self.start, self.start + r.WINDOW)
        marks = [(at - r.START + self.start, n) for at, n in r.engine().marks]
        changes = {"trial": trial, "window": edges, "crossed": edges, "marks": marks}
        self.clock.sleep_until(edges[1] + 50 * r.MS)
        changes |= self.results.get(trial, {})
        return [r.engine(**changes)], r.record().locust

    def release(self, trial):
        self.said.append("release")
        self._maybe_fail("release")

    def abort(self):
        self.said.append("abort")

    def _maybe_fail(self, step):
        if step in self.fail_in:
            raise self.fail_in.pop(step)


class FakePacer:
    def taken(self):
        return [100_000] * 20

    def cancel(self):
        pass


class FakeHost:
    def pacer(self, cpu, at_ns):
        return FakePacer()

    def spin(self, cpu):
        return 3 * r.MS

    def ticks(self, cpus):
        return Ticks(0, 0, 0)

    def own_cpu_ns(self):
        return 0

    room = True
    waiting = 0
    waiting_for_us = 0

    def make_room(self, connections):
        return self.room

    def time_waits(self, port=None):
        return self.waiting if port is None else self.waiting_for_us

    def ports(self):
        return 28_232


class World:
    """All fakes together. said: the calls in their order."""

    def __init__(self):
        self.said = []
        self.clock = FakeClock()
        self.backend = FakeBackend(self.clock, self.said)
        self.load = FakeLoad(self.clock, self.said, self.backend)
        self.stage = Stage(
            self.backend, self.load, FakeHost(), self.clock, run_id="run@1", host_digest="abc"
        )


@dataclass
class Watcher:
    said: list = field(default_factory=list)

    def start(self, experiment, block, blocks):
        self.said.append((experiment, block, blocks))

    def trial(self, number, total, label, left_s):
        self.said.append((number, total, label))

    def void(self, trial, gate, why):
        self.said.append(("void", trial, gate))

    def note(self, text):
        self.said.append(("note", text))


def trial(cell: Cell, block=0, **changes) -> Trial:
    base = {
        "id": f"{cell.experiment}.{block:02}.{cell.arm}",
        "cell": cell.id,
        "experiment": cell.experiment,
        "block": block,
        "swap": bool(block % 2),
        "port": 20_000,
        "hash_seed": 1,
        "padding": 3,
        "arrival_seed": 5,
    }
    return Trial.model_validate({**base, **changes})


def plan(cells, blocks=2, spare=1, **changes) -> Plan:
    base = {
        "profile": "test",
        "seed": 1,
        "order": "hashed",
        "lab_sha256": "",
        "claims": [],
        "looks": [blocks],
        "cells": cells,
        "trials": [trial(cell, block) for block in range(blocks + spare) for cell in cells],
    }
    return Plan.model_validate({**base, **changes})


def lost_engine():
    return TrialFailed("load-engine", "load engine died (signal 9)")
