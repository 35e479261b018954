"""What a search found, ready to be shown: values only, computed by lab.search.analysis."""

from typing import Literal

from pydantic import Field

from lab.model import Frozen

OutcomeName = Literal[
    "found", "at-least", "below", "above", "open", "not-monotone", "void", "skipped"
]


class Asked(Frozen):
    """One level and what its trials said. values: p99 in us, or ratios; those that there are."""

    level: int
    yes: int  # too much for the server; or: a needs more than b
    no: int
    void: int
    values: list[float]
    why: str = ""  # the last reason for a yes, or for none


class Turn(Frozen):
    """What one search came to: one arm of a capacity search, or the ratio of a crossover.

    low: the highest level surely below the turn, high: the lowest surely above it; None: no level.
    estimate: the most likely place. walled: the level at which the load engine became the limit.
    outcome: told in lab.search.words.
    """

    arm: str
    outcome: Literal[
        "found", "at-least", "below", "above", "open", "not-monotone", "void", "skipped"
    ]
    words: str
    estimate: float | None
    low: int | None
    high: int | None
    reached: bool  # is the interval as narrow as was asked?
    trials: int  # that answered
    void: int
    walled: int | None
    levels: list[Asked]


class SearchResult(Frozen):
    """A search of a run. bound: of p99, us; 1.0 of a ratio."""

    id: str
    kind: Literal["capacity", "crossover"]
    question: str
    over: str
    metric: str  # in words
    low: int
    high: int
    bound: float
    tolerance: float
    budget_s: float
    took_s: float
    load: str
    ended: str  # why it ended: "exact enough", "budget", ...
    turns: list[Turn] = Field(default_factory=list)
