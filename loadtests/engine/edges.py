"""The engine itself at the two edges of the window, and what it did in between."""

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests.engine.group import Group
from loadtests.engine.loop import Loop

SCHEDSTAT = Path("/proc/thread-self/schedstat")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """at, cpu: ns. delayed: ns ready to run and not running. slept: waits that found no event
    ready.

    The process has one thread and blocks nowhere else, so the kernel's count of voluntary
    context switches is the number of waits that had to wait.
    """

    at: int
    cpu: int
    delayed: int
    waits: int
    events: int
    slept: int
    flying: int
    held: dict[str, int]
    renewing: dict[str, int]
    replaced: dict[str, int]


def delayed() -> int:
    """How long this thread has waited on a run queue, ns: the second figure of proc(5) schedstat.

    -1: the kernel does not tell.
    """
    try:
        with SCHEDSTAT.open("rb") as file:
            return int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return -1


def look(loop: Loop, groups: Sequence[Group]) -> Snapshot:
    return Snapshot(
        at=time.monotonic_ns(),
        cpu=time.process_time_ns(),
        delayed=delayed(),
        waits=loop.waits,
        events=loop.events,
        slept=resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw,
        flying=sum(group.under_way for group in groups),
        held={group.name: group.held for group in groups},
        renewing={group.name: group.renewing for group in groups},
        replaced={group.name: group.replaced for group in groups},
    )


def between(first: Snapshot, last: Snapshot) -> dict[str, Any]:
    """The part of EngineResult that is a difference."""
    waits = last.waits - first.waits
    return {
        "crossed": (first.at, last.at),
        "in_flight_at_edges": (first.flying, last.flying),
        "cpu_ns": last.cpu - first.cpu,
        "delayed_ns": last.delayed - first.delayed if first.delayed >= 0 else -1,
        "waits": waits,
        "events": last.events - first.events,
        "full": max(0, waits - (last.slept - first.slept)),
    }
