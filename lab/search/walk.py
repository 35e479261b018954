"""Runs a search: rounds of trials until it is known, or the budget is spent. Effects by the stage.

Life-cycle of a search:

1. the arms that still have something to ask, each at its next level; a crossover asks one level of
   both. In random order, with common arrivals, on fresh servers: a round
2. no round is begun that would not end within the budget, and no trial repeated
3. each trial is the same as any other: it goes through `lab.trial`, and its record is stored before
   anything else happens; one that could not tell is repeated inside its round, twice at most
4. it ends when nothing is left to ask, at the last trial, or with the budget

Every record stands in trials.jsonl, so what Ctrl-C leaves is what was found until then.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass, field

from lab.engine import ATTEMPTS, Progress
from lab.forecast import trial_seconds
from lab.host import Placement
from lab.model import Cell, Trial
from lab.record import Record
from lab.seams import Stage
from lab.search import template, words
from lab.search.outcomes import Outcome
from lab.search.progress import Course
from lab.trial import run_trial

NS = 1_000_000_000
SLOWER = 1.15  # than foreseen a trial may be: a busy machine


@dataclass
class SearchWalk:
    """One search under way. absent: arms that cannot run here."""

    course: Course
    seed: int
    stage: Stage
    place: Placement
    store: Callable[[Record], None]
    progress: Progress
    note: Callable[[str], None]
    pin: Callable[[Placement], None]
    absent: Container[str] = ()
    _deadline: int = field(default=0, init=False)

    def run(self) -> None:
        """Run it to its end. Every finished trial is stored when this returns or raises."""
        plan, port, number = self.course.plan, 0, 0
        self._deadline = self.stage.clock.now_ns() + int(plan.budget_s * NS)
        self.progress.start(plan.id, 1, 1)
        while len(self.course.records) < plan.trials:
            cells = self.course.wanted(self.absent)
            if not cells or not self._fits(*cells):
                return
            trials = template.trials(cells, number, self.seed, port)
            for trial in trials:
                cell = next(cell for cell in cells if cell.id == trial.cell)
                if self._attempts(trial, cell) is None and plan.kind == "crossover":
                    break  # the other arm alone says nothing
            port, number = trials[-1].port, number + 1

    def _left(self) -> float:
        return (self._deadline - self.stage.clock.now_ns()) / NS

    def _fits(self, *cells: Cell) -> bool:
        return sum(map(trial_seconds, cells)) * SLOWER <= self._left()

    def _attempts(self, trial: Trial, cell: Cell) -> bool | None:
        """Run a trial until it tells something. Returns None when it never did."""
        place = self.place.swapped() if trial.swap else self.place
        self.pin(place)
        for attempt in range(ATTEMPTS):
            made = len(self.course.records)
            if made >= self.course.plan.trials or not self._fits(cell):
                return None
            self.progress.trial(made + 1, self.course.plan.trials, cell.id, self._left())
            record = run_trial(trial, cell, attempt, place, self.stage)
            self.store(record)
            if record.waited_s:
                self.note(words.waited(record.waited_s))
            outcome = self.course.add(record)
            if outcome is None or outcome.yes is not None:
                self._say(cell, outcome)
                return True
            self.progress.void(trial.id, outcome.gate, outcome.why)
        return None

    def _say(self, cell: Cell, outcome: Outcome | None) -> None:
        if outcome is None:
            return  # the first arm of two
        course = self.course
        level = template.level_of(course.search, cell.id) or 0
        arm = next(iter(course.lines)) if course.plan.kind == "crossover" else cell.arm
        self.note(words.answer(arm, level, course.plan.over, outcome))
