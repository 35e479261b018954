"""What a rule answers, and the looks at which it may answer.

Looking at the data again and again and stopping at the first "95 % interval excludes 1" errs in
far more than 5 % of cases. So the looks are planned, few, and each has its share of alpha.
The quick profile takes the first look only, at the same level, and can be extended honestly.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from lab.stats.signed_rank import autocorrelation

ALPHA = 0.05
LOOKS = (12, 18, 24, 30)  # blocks
LOOK_ALPHA = ALPHA / len(LOOKS)  # Bonferroni over the looks: valid however they depend


class Outcome(StrEnum):
    SUPPORTED = "supported"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"  # trustworthy, not precise enough
    VOID = "void"  # tried, not trustworthy
    SKIPPED = "skipped"  # never tried


class Scale(StrEnum):
    """The unit of a decision's estimate and interval."""

    RATIO = "ratio"
    DIFFERENCE = "difference"  # in the metric's own unit, per unit of level where slopes differ
    LEVEL = "level"
    NONE = "none"


@dataclass(frozen=True)
class Decision:
    """An outcome and everything printed with it; None where the rule has no such number.

    p: raw and one-sided, times the planned looks, for or against the claim (undecided: the
    smaller). won: share of blocks in favour of A. negligible: the whole interval lies inside the
    margin. low, high: None or infinite where open.
    """

    outcome: Outcome
    reason: str
    scale: Scale = Scale.NONE
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    blocks: int = 0
    looks_taken: int = 0
    won: float | None = None
    needed_blocks: int | None = None
    negligible: bool = False
    autocorrelated: bool = False
    conditional: bool = False

    @property
    def is_decided(self) -> bool:
        return self.outcome in (Outcome.SUPPORTED, Outcome.REFUTED)


Rule = Callable[[int], Decision | None]  # another way to stop, after any block; see lab.until


def first_decision(
    blocks: int,
    looks: Sequence[int],
    judge: Callable[[int], Decision],
    rule: Rule | None = None,
) -> Decision:
    """The answer of the first planned look that decides, or of the last one taken.

    judge(n) judges the first n blocks. Blocks between two looks wait for the next: what lies
    after the deciding look never counts. Before the first look the numbers are shown undecided.
    rule: asked after every block, too, and beyond the last look; the first that decides speaks.
    """
    if not looks or any(late <= early for early, late in zip((0, *looks), looks, strict=False)):
        raise ValueError(f"looks must be ascending numbers of blocks, not {tuple(looks)}.")
    taken, decision = 0, None
    for n in range(1, blocks + 1):
        if n in looks:
            taken += 1
            decision = replace(judge(n), looks_taken=taken)
            if decision.is_decided:
                return decision
        if rule is not None and (found := rule(n)) is not None:
            return replace(found, looks_taken=taken)
    if decision is None:
        reason = f"{blocks} of {looks[0]} blocks: too few for the first look."
        shown = judge(blocks) if blocks else Decision(Outcome.INCONCLUSIVE, reason)
        return replace(shown, outcome=Outcome.INCONCLUSIVE, reason=reason, p=None)
    if rule is not None and blocks > looks[-1]:
        reason = f"{decision.reason} Nor did the {blocks} blocks in all decide it."
        return replace(decision, blocks=blocks, reason=reason)
    return decision


def decisive_p(outcome: Outcome, supporting: float, refuting: float) -> float:
    """The one-sided p that goes with the outcome, paid for all planned looks, taken or not.

    An undecided claim has the smaller of the two, so that the family of claims does not depend on
    their outcomes.
    """
    p = {Outcome.SUPPORTED: supporting, Outcome.REFUTED: refuting}.get(
        outcome, min(supporting, refuting)
    )
    return min(1.0, p * len(LOOKS))


def is_autocorrelated(d: Sequence[float]) -> bool:
    """|r1| > 2/sqrt(n): neighbouring blocks are alike, the interval is too narrow."""
    return bool(d) and abs(autocorrelation(d)) > 2 / math.sqrt(len(d))
