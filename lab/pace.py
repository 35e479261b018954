"""The pace of the server's CPU as a covariate of CPU time. Pure.

The same work costs more CPU time on a core whose sibling thread is busy with somebody else's work:
on a shared virtual machine some seconds are twice as slow as others, core by core, and no counter
inside the machine tells. A short fixed loop, run on the server's CPU in the middle of each slice
of the window, does. `ln y` of each trial is moved to the usual pace of its experiment by

    ln y - beta (ln pace - ln usual)

with one beta for all arms and cells of an experiment: the slope of ln y on ln pace within cells, by
least squares (analysis of covariance with a common slope; Montgomery, Design and Analysis of
Experiments, chapter 15). Beta is not told which record belongs to which arm's side of a claim, and
it is 0 where the pace hardly moved.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median, pstdev

from lab.record import Record

CAP = 3.0  # times the least pace of a trial: above it the loop met an interrupt, not a slow core
LEAST_SPREAD = 0.02  # of ln pace within cells; below it there is nothing to explain
LEAST_POINTS = 12  # trials
BOUNDS = (0.0, 1.5)  # slower cores never make work cheaper, and hardly more than their pace


@dataclass(frozen=True)
class Covariate:
    """beta: exponent of the pace; usual_ns: the median pace; spread: sd of ln pace within cells."""

    beta: float = 0.0
    usual_ns: float = 0.0
    spread: float = 0.0

    def factor(self, record: Record) -> float:
        """Return what this record's CPU time is to be multiplied by."""
        found = pace_ns(record)
        if not self.beta or found is None:
            return 1.0
        return float((self.usual_ns / found) ** self.beta)


def pace_ns(record: Record) -> float | None:
    """Return the mean pace over the window; None where the record has none."""
    if record.noise is None or not record.noise.pace_ns:
        return None
    least = min(record.noise.pace_ns)
    return fmean(min(ns, CAP * least) for ns in record.noise.pace_ns)


def fit(points: Iterable[tuple[str, float, float]]) -> Covariate:
    """Fit the covariate from (cell, y, pace) of the usable trials of one experiment."""
    cells: dict[str, list[tuple[float, float]]] = defaultdict(list)
    paces = []
    for cell, y, pace in points:
        cells[cell].append((math.log(pace), math.log(y)))
        paces.append(pace)
    if len(paces) < LEAST_POINTS:
        return Covariate()
    xs, ys = _centred(cells.values())
    spread = pstdev(xs)
    usual = median(paces)
    if spread < LEAST_SPREAD:
        return Covariate(0.0, usual, spread)
    slope = sum(x * y for x, y in zip(xs, ys, strict=True)) / sum(x * x for x in xs)
    return Covariate(min(max(slope, BOUNDS[0]), BOUNDS[1]), usual, spread)


def _centred(
    cells: Iterable[Sequence[tuple[float, float]]],
) -> tuple[list[float], list[float]]:
    """Subtract each cell's own means: what is left is how its trials differ among themselves."""
    xs, ys = [], []
    for points in cells:
        x_mean, y_mean = fmean(x for x, _ in points), fmean(y for _, y in points)
        xs += [x - x_mean for x, _ in points]
        ys += [y - y_mean for _, y in points]
    return xs, ys
