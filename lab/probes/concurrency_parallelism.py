"""Several tasks within a time need one core; at the same moment, several cores.

Looked at: two computing processes on one CPU, which look at the clock all the time: both get on
within the same time, and never at the same moment.
Control: on two CPUs they do run at the same moment.
Source: sched_setaffinity(2).
"""

import os
from multiprocessing import get_context
from typing import NamedTuple

from lab.probes import Absent, Ruling
from lab.probes._kit import busy_stretches, overlap_s

TRIES, WINDOW_S = 12, 0.4
APART_S, TOGETHER_S = 0.002, 0.01  # inaccuracy of the stretches; beyond doubt


class Seen(NamedTuple):
    processors: int
    less_busy_on_one_s: float
    at_the_same_moment_on_one_s: float
    at_the_same_moment_on_two_s: float


def observe() -> Seen:
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        raise Absent("two CPUs are needed")
    on_two = 0.0
    for _ in range(TRIES):  # on a busy machine they meet seldom
        on_two += _run(set(processors[:2]))[1]
        if on_two > TOGETHER_S:
            break
    return Seen(len(processors), *_run({processors[0]}), on_two)


def judge(seen: Seen) -> Ruling:
    control = seen.processors > 1 and seen.at_the_same_moment_on_two_s > TOGETHER_S
    if seen.less_busy_on_one_s < TOGETHER_S:
        return Ruling(None, control)  # one never ran
    together = seen.at_the_same_moment_on_one_s
    doubtful = APART_S <= together <= TOGETHER_S
    return Ruling(None if doubtful else together < APART_S, control)


def _run(processors: set[int]) -> tuple[float, float]:
    """Return for how long the less busy one ran, and both at the same moment."""
    with get_context("fork").Pool(2, os.sched_setaffinity, (0, processors)) as pool:
        pending = [pool.apply_async(busy_stretches, (WINDOW_S,)) for _ in range(2)]
        first, second = (result.get(10) for result in pending)
    less = min(sum(end - start for start, end in each) for each in (first, second))
    return less / 1e9, overlap_s(first, second)
