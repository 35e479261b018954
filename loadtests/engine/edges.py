"""The engine itself at the two edges of the window, and what it did in between."""

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loadtests.engine.group import Group
from loadtests.engine.loop import Loop


@dataclass(frozen=True, slots=True)
class Snapshot:
    """at, cpu: ns. slept: waits that found no event ready.

    The process has one thread and blocks nowhere else, so the kernel's count of voluntary
    context switches is the number of waits that had to wait.
    """

    at: int
    cpu: int
    waits: int
    events: int
    slept: int
    flying: int
    held: dict[str, int]


def look(loop: Loop, groups: Sequence[Group]) -> Snapshot:
    return Snapshot(
        at=time.monotonic_ns(),
        cpu=time.process_time_ns(),
        waits=loop.waits,
        events=loop.events,
        slept=resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw,
        flying=sum(group.flying for group in groups),
        held={group.name: group.held for group in groups},
    )


def between(first: Snapshot, last: Snapshot) -> dict[str, Any]:
    """The part of EngineResult that is a difference."""
    waits = last.waits - first.waits
    return {
        "crossed": (first.at, last.at),
        "in_flight_at_edges": (first.flying, last.flying),
        "cpu_ns": last.cpu - first.cpu,
        "waits": waits,
        "events": last.events - first.events,
        "full": max(0, waits - (last.slept - first.slept)),
    }
