"""A load engine that is kept from its CPU must never pass for a slow server: all trials void.

It is put behind everybody else (nice 19), and two programs that only burn share its CPU: it gets a
few per cent. Whatever is measured then is mostly the engine waiting for its turn, and the gate
"generator" has to say so, under a closed load and an open one alike; and to keep silent where the
engine has its CPU.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lab import gates
from lab.backends.leftovers import LABEL
from lab.gates import generator
from lab.measure import engine_share
from lab.model import ClassLoad, ClassName
from lab.record import Record
from lab.selftest.finding import Finding, at_least, at_most, shown
from lab.selftest.rig import Rig

BURNERS = 2
LAST = 19  # nice(2): the least weight, 15 of the usual 1024
LOADS: dict[str, dict[ClassName, ClassLoad]] = {
    "closed": {"long": ClassLoad(connections=50)},
    "open": {"long": ClassLoad(connections=50, rate=10_000)},
}


@contextmanager
def burning(cpu: int, number: int, label: str) -> Iterator[None]:
    """Keep a CPU busy with so many programs."""
    environment = {**os.environ, LABEL: label}
    command = [sys.executable, "-c", "while True: pass"]
    burners = [subprocess.Popen(command, env=environment) for _ in range(number)]
    try:
        for one in burners:
            os.sched_setaffinity(one.pid, {cpu})
        yield
    finally:
        for one in burners:
            one.kill()
            one.wait()


def measure(rig: Rig) -> list[Finding]:
    """Load epoll from an engine that has its CPU, then from one that is kept from it."""
    window = rig.seconds(3.0, 1.0)
    fed = rig.trial("epoll", "echo", {"long": ClassLoad(connections=8, rate=500)}, window)
    voids = gates.voids(fed.gates).count(generator.NAME)
    found = [at_most("with its CPU: void", voids, 0, text=_share(fed))]
    try:
        for pid in rig.engines():
            os.setpriority(os.PRIO_PROCESS, pid, LAST)
        for name, load in LOADS.items():
            rig.repeat_until = 0.0  # it is disturbed on purpose
            with burning(rig.place.engine, BURNERS, rig.label):
                found += judge(name, rig.trial("epoll", "echo", load, window))
    finally:
        rig.renew()  # only root may give the engine its priority back
    return found


def judge(name: str, record: Record) -> list[Finding]:
    """Look for the gate among those that voided the record."""
    voids = gates.voids(record.gates)
    why = next((g.why for g in record.gates if g.gate == generator.NAME), "")
    return [
        shown(f"{name}: CPU share of the engine", engine_share(record), text=why),
        at_least(
            f"{name}: void by the gate {generator.NAME}",
            voids.count(generator.NAME),
            1,
            text=f"void by {', '.join(voids) or 'none'}",
        ),
    ]


def _share(record: Record) -> str:
    return f"it used {engine_share(record):.0%} of it"
