"""The lab's gates on a load by hand, while it runs and at its end. Pure.

The same functions with the same thresholds as for trials (lab.gates); what they need is put
together as the record of one. Some cannot be judged here: those say why.
"""

from collections.abc import Sequence
from typing import Any

from lab.gates import GATES
from lab.measure import Unmeasured
from lab.model import Cell, ClassLoad, Timing
from lab.record import EngineResult, Footprint, LocustCount, MeterReading, MeterResult, Record
from loadtests.web.form import Wish
from loadtests.web.meter import Meter, Reading

SLICES = 21  # readings, as in a trial: the gate on drift knows no other number
NOT_HERE = {
    "conformance": "`lab verify` examines servers; a load by hand does not",
    "server-died": "a container's end is the container engine's to tell",
    "accept-drops": "the meter's line does not count them",
    "meter-closure": "it needs the kernel's account after the server's end",
    "host-noise": "it needs the lab on the server's host",
}
STATES = {"ok": "pass", "warn": "warn", "void": "void"}


def judge(
    wish: Wish,
    engines: Sequence[EngineResult],
    meter: Meter | None,
    locust: LocustCount | None = None,
    error: tuple[str, str] = ("", ""),
) -> list[dict[str, str]]:
    """Ask every gate. locust: its count, at the end only. error: gate and words of what broke."""
    record = _record(wish, engines, meter, locust, error)
    cell = _cell(wish)
    found = []
    for gate in GATES:
        if gate.name in NOT_HERE and gate.name != error[0]:
            found.append({"gate": gate.name, "state": "unknown", "why": NOT_HERE[gate.name]})
            continue
        if gate.name == "conservation" and locust is None and gate.name != error[0]:
            found.append({"gate": gate.name, "state": "unknown", "why": "counted at the end"})
            continue
        try:
            said = gate.check(record, cell)
            state, why = STATES[said.state], said.why
        except Unmeasured as reason:
            state, why = "unknown", str(reason)
            if meter is not None and meter.last and record.meter is None:
                why = f"{len(meter.readings)} of the {SLICES} meter readings that it takes"
        if state == "void" and gate.scope != "all":
            state = "warn"  # it voids what is judged by a latency; here that is up to the reader
        found.append({"gate": gate.name, "state": state, "why": why})
    return found


def _cell(wish: Wish) -> Cell:
    load: Any = {name: ClassLoad(**one) for name, one in wish.classes().items()}
    return Cell(
        id=wish.label,
        experiment="by hand",
        arm=wish.server,
        factors={},
        server=wish.server,
        protocol=wish.protocol,
        load=load,
        timing=Timing(warm_up=1, window=wish.seconds, cool_down=0),
    )


def _record(
    wish: Wish,
    engines: Sequence[EngineResult],
    meter: Meter | None,
    locust: LocustCount | None,
    error: tuple[str, str],
) -> Record:
    return Record(
        trial=wish.label,
        cell=wish.label,
        experiment="by hand",
        block=0,
        attempt=0,
        started_unix=0,
        took_s=0,
        overhead_s=0,
        host="",
        cpus=(-1, -1),  # nobody has pinned them
        port=wish.place[1],
        engines=list(engines),
        locust=locust,
        meter=_meter(meter),
        error_gate=error[0],
        error=error[1],
    )


def _meter(meter: Meter | None) -> MeterResult | None:
    """The last readings as a trial's; None: they are too few, or do not tell the CPU time."""
    if meter is None or meter.idle is None or meter.first is None:
        return None
    slices = [_slice(one) for one in meter.readings[-SLICES:] if one.cpu_ns is not None]
    if len(slices) < SLICES:
        return None
    return MeterResult(
        slices=slices,
        idle=_footprint(meter.idle),
        ready=_footprint(meter.first),
        after=_footprint(meter.readings[-1]),
    )


def _slice(reading: Reading) -> MeterReading:
    return MeterReading(
        at_ns=reading.at_ns,
        bracket_ns=0,  # clock and counter are read one after the other, in one process
        cpu_ns=reading.cpu_ns or 0,
        user_ns=0,
        system_ns=0,
        children_ns=0,
        processes=0,
    )


def _footprint(reading: Reading) -> Footprint:
    return Footprint(
        pss_bytes=-1,
        threads=-1,
        fds=reading.sockets,
        sockets=reading.sockets,
        voluntary=-1,
        involuntary=-1,
        listen_overflows=0,
        listen_drops=0,
    )
