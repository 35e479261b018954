"""One search under way, from records: what has been asked, and what to ask next. Pure.

The walk tells it each record as it comes, the analysis tells it those of a stored run: the same
records in the same order give the same state.
"""

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field

from lab.model import Cell, SearchPlan
from lab.record import Record
from lab.schema import Lab
from lab.search import outcomes, template
from lab.search.outcomes import Outcome
from lab.search.shapes import CapacitySearch, CrossoverSearch
from lab.search.threshold import Threshold

LOST_SHARE = 0.5  # of the rounds: more, and it is no use to go on
TOLD_SHARE = 0.25  # of the rounds: more, and what is left is told to be a selection
LOST_LEAST = 6  # rounds before that is said
WALLS = 3  # trials that hit the load engine's end at a level, until it counts as its end
START = 1000  # requests per second: the first question of a capacity search, or its lowest level
TOLD = 60  # answers that a search may expect, for its patience only
SURVEY = (0.0, 1.0, 0.5, 0.25, 0.75)  # of the levels of a crossover: is there one turn at all?


@dataclass
class Line:
    """One turn that is looked for: an arm of a capacity search, or the ratio of a crossover."""

    arm: str
    threshold: Threshold
    outcomes: list[tuple[int, Outcome]] = field(default_factory=list)
    walled: int | None = None
    walls: Counter[int] = field(
        default_factory=Counter
    )  # level -> trials that hit the engine's end
    rounds: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)

    def take(self, level: int, number: int, outcome: Outcome) -> None:
        """Take the answer of a trial, or of a round of two."""
        self.outcomes.append((level, outcome))
        self.rounds.add(number)
        if outcome.yes is not None:
            self.lost.discard(number)
            self.threshold.add(level, yes=outcome.yes)
            return
        if not outcome.walled:
            self.lost.add(number)
            return
        self.walls[level] += 1
        if self.walls[level] >= WALLS:
            self.walled = level if self.walled is None else min(level, self.walled)
            self.threshold.cut(level)

    @property
    def hopeless(self) -> bool:
        """Have so many rounds been lost that it is no use to go on? Walls are no loss."""
        return len(self.lost) >= LOST_LEAST and len(self.lost) > LOST_SHARE * len(self.rounds)

    @property
    def thinned(self) -> bool:
        """Have so many rounds been lost that the rest may be a selection?"""
        return len(self.lost) > TOLD_SHARE * len(self.rounds)

    @property
    def done(self) -> bool:
        everywhere = self.walled is not None and self.walled <= self.threshold.levels[0]
        return self.hopeless or everywhere or self.threshold.done()


class Course:
    """All lines of one search."""

    def __init__(self, lab: Lab, profile: str, plan: SearchPlan) -> None:
        self.lab, self.profile, self.plan = lab, profile, plan
        self.search = lab.searches[plan.id]
        levels = template.asked_levels(plan)
        names = plan.arms if isinstance(self.search, CapacitySearch) else [str(self.search.ratio)]
        self.lines = {name: Line(name, self._threshold(levels)) for name in names}
        self.records: list[Record] = []
        self._waiting: dict[tuple[int, int], dict[str, float]] = {}

    def _threshold(self, levels: list[int]) -> Threshold:
        last = len(levels) - 1
        if isinstance(self.search, CapacitySearch):
            start = max((i for i, level in enumerate(levels) if level <= START), default=0)
            return Threshold(levels, self.plan.tolerance, (start,), careful=True, most=TOLD)
        survey = tuple(dict.fromkeys(round(last * share) for share in SURVEY))
        return Threshold(levels, self.plan.tolerance, survey, most=TOLD)

    def add(self, record: Record) -> Outcome | None:
        """Take a record in. Returns what it says; None: it is of another search, or half a pair."""
        level = template.level_of(self.search, record.cell)
        arm = record.cell.split("/")[1] if level is not None else ""
        if level is None or arm not in self.plan.arms:
            return None
        self.records.append(record)
        if isinstance(self.search, CapacitySearch):
            outcome = outcomes.capacity(record, self.cell(arm, level), self.search)
            self.lines[arm].take(level, record.block, outcome)
            return outcome
        return self._paired(self.search, arm, level, record)

    def _paired(
        self, search: CrossoverSearch, arm: str, level: int, record: Record
    ) -> Outcome | None:
        (line,) = self.lines.values()
        pair = self._waiting.setdefault((record.block, level), {})
        outcome = outcomes.single(record, self.cell(arm, level), search)
        if isinstance(outcome, float):
            pair[arm] = outcome
            if len(pair) < len(self.plan.arms):
                return None
            outcome = outcomes.crossover(*(pair.pop(name) for name in self.plan.arms))
        line.take(level, record.block, outcome)
        return outcome

    def cell(self, arm: str, level: int) -> Cell:
        return template.cell(self.lab, self.profile, self.search, arm, level)

    def wanted(self, absent: Container[str] = ()) -> list[Cell]:
        """Return the cells of the next round: none where all is known, or can never be."""
        if isinstance(self.search, CapacitySearch):
            asking = [x for x in self.lines.values() if not x.done and x.arm not in absent]
            return [self.cell(line.arm, line.threshold.next()) for line in asking]
        (line,) = self.lines.values()
        if line.done or any(arm in absent for arm in self.plan.arms):
            return []
        level = line.threshold.next()
        return [self.cell(arm, level) for arm in self.plan.arms]
