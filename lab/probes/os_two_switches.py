"""The system takes the CPU from a task in two cases: it blocks, or it computes for long.

Looked at: a process that sleeps 100 times: it gives the CPU up itself (voluntary switches); two
that compute for 0.4 s on one CPU: it is taken from them (involuntary switches).
Control: the sleeper is hardly ever pushed off, the computing ones hardly ever wait.
Source: getrusage(2), ru_nvcsw and ru_nivcsw.
"""

import os
import resource
import time
from multiprocessing import get_context
from typing import NamedTuple

from lab.probes import Ruling

NAPS, WINDOW_S = 100, 0.4


class Seen(NamedTuple):
    naps: int
    sleeper_gave_up: int
    sleeper_was_pushed: int
    hogs_gave_up: int
    hogs_were_pushed: int


def observe() -> Seen:
    one = {min(os.sched_getaffinity(0))}
    with get_context("fork").Pool(2, os.sched_setaffinity, (0, one)) as pool:
        sleeper = pool.apply(_sleep)
        hogs = [pending.get(10) for pending in [pool.apply_async(_burn) for _ in range(2)]]
    return Seen(NAPS, *sleeper, sum(hog[0] for hog in hogs), sum(hog[1] for hog in hogs))


def judge(seen: Seen) -> Ruling:
    blocks = seen.sleeper_gave_up >= seen.naps > 0
    computes = seen.hogs_were_pushed >= 4  # a slice of the scheduler is some milliseconds
    control = seen.sleeper_was_pushed < seen.naps / 2 and seen.hogs_gave_up < seen.hogs_were_pushed
    return Ruling(blocks and computes, control)


def _sleep() -> tuple[int, int]:
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(NAPS):
        time.sleep(0.0005)
    return _since(before)


def _burn() -> tuple[int, int]:
    before = resource.getrusage(resource.RUSAGE_SELF)
    end, number = time.monotonic() + WINDOW_S, 0
    while time.monotonic() < end:
        number += 1
    return _since(before)


def _since(before: resource.struct_rusage) -> tuple[int, int]:
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_nvcsw - before.ru_nvcsw, after.ru_nivcsw - before.ru_nivcsw
