"""The experiment engine: walks a plan trial by trial. The only loop of the lab.

The life-cycle of a run:

1. for each experiment of the plan, for each of its blocks, for each cell in the planned order:
2.   run the trial; a void one is repeated at once, inside its block, at most twice
3.   append its record before anything else happens
4. before each block, ask the judge which cells are still needed: claims that a planned look has
   decided, or that the gates have voided, stop
5. behind the last block: spare blocks, for cells that lost blocks to gates, and only for those

Gates never look at who won, so repeating and sparing cannot favour an arm.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from lab.host import Placement
from lab.model import Plan, Trial
from lab.record import Record
from lab.seams import Stage
from lab.trial import run_trial

ATTEMPTS = 3  # one, and at most two repeats (docs/method.md)


class Progress(Protocol):
    """Whoever watches the run."""

    def start(self, experiment: str, block: int, blocks: int) -> None:
        """A block begins (1-based)."""

    def trial(self, number: int, total: int, label: str, left_s: float) -> None:
        """A trial begins."""

    def void(self, trial: str, gate: str, why: str) -> None:
        """A trial came out void."""


@dataclass
class Outlook:
    """What is left to do, for the display: counts, and seconds as planned."""

    total: int
    left_s: float
    number: int = 0


@dataclass
class Walk:
    """A run in progress. needed: cells that a block of an experiment must run."""

    plan: Plan
    stage: Stage
    place: Placement
    store: Callable[[Record], None]
    progress: Progress
    needed: Callable[[str, int], set[str]]
    seconds: Callable[[Trial], float]
    pin: Callable[[Placement], None]

    def run(self) -> None:
        """Run the whole plan. Every finished attempt is stored when this returns or raises."""
        outlook = self._outlook()
        for experiment, trials in groupby(self.plan.trials, key=lambda trial: trial.experiment):
            self._experiment(experiment, list(trials), outlook)

    def _outlook(self) -> Outlook:
        planned = [t for t in self.plan.trials if t.block < max(self.plan.looks)]
        return Outlook(len(planned), sum(self.seconds(t) for t in planned))

    def _experiment(self, experiment: str, trials: list[Trial], outlook: Outlook) -> None:
        last = max(self.plan.looks)
        for block, group in groupby(trials, key=lambda trial: trial.block):
            wanted = self.needed(experiment, block)
            if not wanted:
                self._skip(trials, block, outlook)
                return
            self.progress.start(experiment, block + 1, max(last, block + 1))
            for trial in group:
                if trial.cell in wanted:
                    self._attempts(trial, outlook)
                else:  # what it was wanted for is decided
                    self._skip([trial], block, outlook)

    def _skip(self, trials: list[Trial], block: int, outlook: Outlook) -> None:
        """Take what will not run out of the display's counts."""
        for trial in trials:
            if block <= trial.block < max(self.plan.looks):
                outlook.total -= 1
                outlook.left_s -= self.seconds(trial)

    def _attempts(self, trial: Trial, outlook: Outlook) -> None:
        cell = self.plan.cell(trial.cell)
        place = self.place.swapped() if trial.swap else self.place
        self.pin(place)
        outlook.number += 1
        for attempt in range(ATTEMPTS):
            self.progress.trial(outlook.number, outlook.total, cell.id, max(0.0, outlook.left_s))
            record = run_trial(trial, cell, attempt, place, self.stage)
            self.store(record)
            void = [g for g in record.gates if g.state == "void"]
            if not void:
                break
            self.progress.void(trial.id, void[0].gate, void[0].why)
        outlook.left_s -= self.seconds(trial)
