"""Where the marks of a small forest plot go: one effect, its interval, the lines it is judged by.

Pure layout: positions are percentages of the plot's width, so that the drawing (in the template)
needs no script and fits any screen. On the log scale of a ratio,
m and 1/m are equally far from 1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from lab.report import words
from lab.report.model import Verdict

MARGIN = 5.0  # percent kept free at both ends, for arrow heads and half a label
ROOM = 0.12  # of the span, added at both ends
NARROWEST = math.log(1.25)  # half the span of a log axis that shows next to nothing
TICKS = 4  # wanted at least; below 3 an axis cannot be read
TICKS_MOST = 6  # more would touch one another on a telephone
STEPS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))
FINE = (0.2, 0.1, 0.05)
DRAWN = frozenset({"ratio", "difference"})  # judged against 1 and m, or against zero


@dataclass(frozen=True)
class Mark:
    """A position on the axis and the text that belongs to it."""

    at: float
    label: str


@dataclass(frozen=True)
class Forest:
    """All positions, in percent from the left; an open end of the interval stands at the edge."""

    value: float
    low: float
    high: float
    open_low: bool
    open_high: bool
    equal: float  # where the arms are equal
    lines: list[Mark]  # the declared minimum effect
    zone: tuple[float, float] | None  # too small to matter
    ticks: list[Mark]
    words: str


def layout(verdict: Verdict) -> Forest | None:
    """Lay out one verdict's effect; None where there is nothing to draw."""
    effect = verdict.effect
    if effect is None or verdict.outcome in words.NO_EFFECT or not math.isfinite(effect.value):
        return None
    if verdict.scale not in DRAWN:
        return None
    is_ratio = verdict.scale == "ratio" and effect.value > 0
    minimum = verdict.minimum if is_ratio else None
    lines = _lines(minimum)
    equal = 1.0 if is_ratio else 0.0
    low, high = effect.low, effect.high
    if is_ratio and low is not None and low <= 0:
        low = None  # too small for a float: as good as open
    ends = [end for end in (low, high) if end is not None]
    place, ticks = _axis([equal, effect.value, *ends, *lines], is_ratio=is_ratio)
    return Forest(
        value=place(effect.value),
        low=MARGIN / 2 if low is None else place(low),
        high=100 - MARGIN / 2 if high is None else place(high),
        open_low=low is None,
        open_high=high is None,
        equal=place(equal),
        lines=[Mark(place(line), _line_label(line, minimum)) for line in lines],
        zone=(place(lines[0]), place(lines[1])) if len(lines) == 2 else None,
        ticks=[Mark(place(tick), f"{tick:g}") for tick in ticks],
        words=f"effect {words.estimate(effect)}; {verdict.sense or 'no minimum effect declared'}",
    )


def _lines(minimum: float | None) -> list[float]:
    """Give the lines a ratio is judged by: 1/m and m."""
    if minimum is None or minimum <= 0:
        return []
    return [1 / minimum, minimum] if minimum > 1 else [minimum]


def _line_label(line: float, minimum: float | None) -> str:
    text = words.number(minimum or line)
    return text if line == minimum else f"1/{text}"


def _axis(near: list[float], *, is_ratio: bool) -> tuple[Callable[[float], float], list[float]]:
    """Give the function from value to percent, and the ticks that fall inside."""
    warp = math.log if is_ratio else float
    low, high = warp(min(near)), warp(max(near))
    short = max(0.0, 2 * NARROWEST - (high - low)) / 2 if is_ratio else 0.0
    room = (high - low) * ROOM + short or 1.0
    low, high = low - room, high + room

    def place(value: float) -> float:
        return round(MARGIN + (100 - 2 * MARGIN) * (warp(value) - low) / (high - low), 2)

    if is_ratio:
        return place, log_ticks(math.exp(low), math.exp(high))
    return place, _even_ticks(low, high, _step(high - low))


def log_ticks(low: float, high: float) -> list[float]:
    """Choose the coarsest set of round numbers with enough of them between low and high (> 0)."""
    powers = [
        10.0**power for power in range(math.floor(math.log10(low)), 1 + math.ceil(math.log10(high)))
    ]
    sets = [[step * power for power in powers for step in steps] for steps in STEPS]
    sets += [_even_ticks(low, high, step) for step in FINE if (high - low) / step <= 2 * TICKS_MOST]
    inside = [[tick for tick in ticks if low <= tick <= high] for ticks in sets]
    chosen = next((ticks for ticks in inside if len(ticks) >= TICKS), max(inside, key=len))
    return _thin(chosen)


def _even_ticks(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step), math.floor(high / step)
    return _thin([round(step * i, 12) for i in range(first, last + 1)])


def _step(span: float) -> float:
    power = 10.0 ** math.floor(math.log10(span / TICKS))
    return next(step * power for step in (1, 2, 5, 10) if span / (step * power) <= TICKS)


def _thin(ticks: list[float]) -> list[float]:
    every = math.ceil(len(ticks) / TICKS_MOST) or 1
    keep = ticks.index(1.0) % every if 1.0 in ticks else 0
    return ticks[keep::every]
