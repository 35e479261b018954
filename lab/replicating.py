"""Has a table the shape that was published? Pure.

Each outline of a claim becomes contrasts (`lab.outline`): a log of cells, and the band it must lie
in. A contrast holds where its whole interval lies inside the band, fails where the interval lies
outside, and is open otherwise. Repeats too few for an interval must all agree, three or more.

reproduced       every contrast holds
reversed         an outline that says more or less is wholly the other way round, and none holds
not reproduced   some contrast fails
inconclusive     none fails, some are open

Every contrast must hold, so none is corrected for the others (intersection-union test).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from statistics import median

from lab.claims import ReplicationClaim
from lab.decision import LOOK_ALPHA, Decision, Outcome
from lab.outline import Contrast, contrasts
from lab.stats.signed_rank import estimated, smallest_n
from lab.stats.values import Estimate, as_ratios

Table = Mapping[str, Mapping[str, float]]  # row -> column -> number
FEWEST = 3  # repeats that must agree where they are too few for an interval


class State(StrEnum):
    HOLDS = "holds"
    FAILS = "fails"
    OPPOSITE = "opposite"  # fails, and the other way round
    OPEN = "open"


class Replicated(StrEnum):
    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    REVERSED = "reversed"
    OPEN = "open"


@dataclass(frozen=True)
class Tested:
    """One contrast, and what came of it. found: the number itself, not its log."""

    outline: int
    words: str
    state: State
    found: Estimate
    low: float  # the band
    high: float
    directed: bool


def judge(claim: ReplicationClaim, columns: Sequence[str], tables: Sequence[Table]) -> list[Tested]:
    """Hold tables, one for each repeat or block, against the outlines of a claim.

    A contrast that some table has no numbers for is left open. ValueError: no such column.
    """
    return [
        _tested(number, contrast, tables)
        for number, outline in enumerate(claim.shape)
        for contrast in contrasts(outline, columns)
    ]


def combined(tested: Sequence[Tested]) -> Replicated:
    """Say what the contrasts come to."""
    states = {one.state for one in tested}
    if states == {State.HOLDS}:
        return Replicated.REPRODUCED
    if states & {State.FAILS, State.OPPOSITE}:
        groups = [list(group) for _, group in groupby(tested, key=lambda one: one.outline)]
        directed = [group for group in groups if any(one.directed for one in group)]
        turned = [all(one.state is State.OPPOSITE for one in group) for group in directed]
        kept = any(all(one.state is State.HOLDS for one in group) for group in directed)
        return Replicated.REVERSED if any(turned) and not kept else Replicated.NOT_REPRODUCED
    return Replicated.OPEN


def decision(tested: Sequence[Tested], repeats: int) -> Decision:
    """Say it as every claim's decision is said; no p is defined."""
    outcome = combined(tested)
    held = sum(one.state is State.HOLDS for one in tested)
    said = f"{held} of {len(tested)} statements on the table hold"
    wrong = [one for one in tested if one.state in (State.FAILS, State.OPPOSITE)]
    others = wrong or [one for one in tested if one.state is State.OPEN]
    if repeats < FEWEST:
        return Decision(Outcome.INCONCLUSIVE, f"{repeats} of {FEWEST} repeats: too few.")
    if others:
        found = others[0]
        said += f"; {found.words}: {found.found.estimate:.3g}"
        said += f" ({found.found.low:.3g} to {found.found.high:.3g}), {found.state}"
    return Decision(OUTCOMES[outcome], f"{said}.", blocks=repeats)


OUTCOMES = {
    Replicated.REPRODUCED: Outcome.SUPPORTED,
    Replicated.NOT_REPRODUCED: Outcome.REFUTED,
    Replicated.REVERSED: Outcome.REFUTED,
    Replicated.OPEN: Outcome.INCONCLUSIVE,
}


def _tested(number: int, contrast: Contrast, tables: Sequence[Table]) -> Tested:
    values = [value for table in tables if (value := _value(contrast, table)) is not None]
    state, found = State.OPEN, Estimate(math.nan, math.nan, math.nan)
    if values and len(values) == len(tables):
        state, found = _state(contrast, values)
    return Tested(
        number,
        contrast.words,
        state,
        as_ratios(found) if values else found,
        math.exp(contrast.low),
        math.exp(contrast.high) if contrast.high < math.inf else math.inf,
        contrast.directed,
    )


def _state(contrast: Contrast, values: Sequence[float]) -> tuple[State, Estimate]:
    """Judge by the interval, or by all the values where they are too few to have one."""
    if len(values) >= smallest_n(LOOK_ALPHA):
        found = estimated(values, LOOK_ALPHA)
    else:
        found = Estimate(median(values), min(values), max(values))
        if len(values) < FEWEST:
            return State.OPEN, found
    if contrast.low < found.low and found.high < contrast.high:
        return State.HOLDS, found
    if contrast.low <= found.high and found.low <= contrast.high:
        return State.OPEN, found
    above = contrast.low >= 0  # the band says: more than 1
    turned = found.high < 0 if above else found.low > 0
    return (State.OPPOSITE if contrast.directed and turned else State.FAILS), found


def _value(contrast: Contrast, table: Table) -> float | None:
    total = 0.0
    for (row, column), weight in contrast.terms:
        number = table.get(row, {}).get(column)
        if number is None or not (math.isfinite(number) and number > 0):
            return None
        total += weight * math.log(number)
    return total


def middle(tables: Sequence[Table], row: str, column: str) -> float | None:
    """Return the median of a cell over the tables that have it; None: none has."""
    found = [table[row][column] for table in tables if column in table.get(row, {})]
    return median(found) if found else None
