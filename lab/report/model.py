"""The results of a run, ready to be shown: computed once by `lab.analysis`, then only rendered.

A renderer computes nothing but pixels and words: every number it prints stands here. The same
records give the same bytes of `results.json`: nothing here comes from the clock or the machine
that renders.
"""

from typing import Literal

from pydantic import Field

from lab.model import Frozen
from lab.report.shapes import (
    Achieved,
    CellSummary,
    Course,
    CrossoverLine,
    Estimate,
    Figure,
    Ladder,
    Mechanism,
    Moment,
    Percentile,
    Point,
    Replication,
    ShapeLine,
    Spread,
    Tax,
)
from lab.report.taught import Boundary, Chapter, Listed, MapCell, Series, WinnerMap
from lab.search.result import SearchResult

__all__ = [
    "Achieved",
    "Boundary",
    "CellSummary",
    "Chapter",
    "Course",
    "CrossoverLine",
    "Estimate",
    "Figure",
    "GateTally",
    "Ladder",
    "Listed",
    "MapCell",
    "Mechanism",
    "Moment",
    "OutcomeName",
    "Percentile",
    "Point",
    "Replication",
    "Results",
    "RunInfo",
    "Series",
    "ShapeLine",
    "Spread",
    "Tax",
    "Verdict",
    "WinnerMap",
]

OutcomeName = Literal["supported", "refuted", "inconclusive", "void", "skipped"]


class Verdict(Frozen):
    """One claim's answer and all that must be printed with it."""

    claim: str
    sentence: str
    notes: str
    section: str
    kind: str
    experiment: str
    outcome: OutcomeName
    reason: str  # one plain sentence
    conditional: bool = False
    effect: Estimate | None = None
    effect_words: str = ""  # "select uses 3.1 x the CPU of epoll per request (2.9 to 3.4)"
    scale: Literal["ratio", "difference", "level", "none"] = "none"  # of the effect
    minimum: float | None = None  # the declared minimum effect m, where the effect is a ratio
    load: str = ""  # of the deciding cells, in words
    covariate: str = ""  # what was adjusted for, in words
    metric: str = ""
    sense: str = ""  # "at least 1.30", "linear", "at most 0.10"
    because: str = ""
    cells: list[str] = Field(default_factory=list)
    blocks_used: int = 0
    blocks_planned: int = 0
    looks: int = 0  # taken
    won: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    p_bh: float | None = Field(default=None, exclude_if=lambda p: p is None)
    p_holm: float | None = Field(default=None, exclude_if=lambda p: p is None)
    needed_blocks: int | None = None
    voids: dict[str, int] = Field(default_factory=dict)
    void_reasons: dict[str, str] = Field(default_factory=dict)  # gate -> the last one's words
    dropped_blocks: int = 0
    post_hoc: bool = False
    warnings: list[str] = Field(default_factory=list)
    expected: Literal["supported", "refuted", "conditional"] | None = None
    source: str = ""  # of expected
    surprise: bool = False
    caveat: str = ""
    evidence: dict[str, str] = Field(default_factory=dict)  # probes: what was seen
    gate: OutcomeName | None = None  # declared: exit code 3 when it comes out against it
    replication: Replication | None = Field(default=None, exclude_if=lambda found: found is None)
    arms: list[str] = Field(default_factory=list, exclude_if=lambda arms: not arms)
    place: str = Field(default="", exclude_if=lambda place: not place)  # levels that decide
    series: list[Series] = Field(default_factory=list, exclude_if=lambda found: not found)
    ladders: list[Ladder] = Field(default_factory=list, exclude_if=lambda found: not found)


class GateTally(Frozen):
    """How often one gate spoke, over all attempts. meaning and remedy are for the reader.

    silent: usable trials that it could not judge, for want of the number it needs.
    """

    gate: str
    meaning: str
    remedy: str
    threshold: str
    voided: int
    warned: int
    silent: int = Field(default=0, exclude_if=lambda count: not count)


class RunInfo(Frozen):
    """The run itself. finished is False for a run that was interrupted or killed."""

    id: str
    profile: str
    seed: int
    order: str
    backend: str
    started: str  # ISO 8601, UTC
    wall_s: float  # from the first trial's start to the last record
    finished: bool
    cells: int
    trials_planned: int
    trials_done: int  # with a usable record
    attempts: int
    attempts_void: int
    void_cells: list[str]
    noise_share: float  # attempts void for noise / attempts
    overhead_s: float | None  # median seconds of a trial beyond warm-up and window
    spin_spread: float | None  # (p90 - p10) / median of the calibration spin
    requests: int
    decided: int | None = Field(default=None, exclude_if=lambda n: n is None)  # claims
    minutes_per_decided: float | None = Field(default=None, exclude_if=lambda m: m is None)
    absent: dict[str, str] = Field(default_factory=dict)  # what -> why, see lab.lacks
    notes: list[str] = Field(default_factory=list, exclude_if=lambda notes: not notes)
    lab_sha256: str
    version: str


class Results(Frozen):
    """Everything a report shows. Verdicts in the order of lab.yaml.

    schema_version: 2 added to verdicts arms, place, series and ladders, and book and maps to the
    run; nothing was taken away, so the first can be read.
    book: all claims of its lab.yaml by section of the notes, those too that this run did not test.
    """

    schema_version: int = 2
    run: RunInfo
    machine: dict[str, str]
    verdicts: list[Verdict]
    ladders: list[Ladder]
    crossovers: list[CrossoverLine]
    cells: list[CellSummary]
    gates: list[GateTally]
    multiplicity: Literal["bh", "holm"] = "bh"
    mechanism: list[Mechanism] = Field(default_factory=list, exclude_if=lambda found: not found)
    taxes: list[Tax] = Field(default_factory=list, exclude_if=lambda found: not found)
    searches: list[SearchResult] = Field(default_factory=list, exclude_if=lambda found: not found)
    courses: list[Course] = Field(default_factory=list, exclude_if=lambda found: not found)
    book: list[Chapter] = Field(default_factory=list, exclude_if=lambda found: not found)
    maps: list[WinnerMap] = Field(default_factory=list, exclude_if=lambda found: not found)
