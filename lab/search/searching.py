"""The searches of a run, one after the other: from the plan to records in trials.jsonl."""

from collections.abc import Callable
from typing import Protocol

from lab import store
from lab.engine import Progress
from lab.host import Placement
from lab.model import Plan
from lab.schema import Lab
from lab.seams import Stage
from lab.search import analysis
from lab.search.progress import Course
from lab.search.walk import SearchWalk


class Watcher(Progress, Protocol):
    """Whoever watches: also takes free notes."""

    def note(self, text: str) -> None:
        """Say something once."""


def run_all(
    lab: Lab,
    plan: Plan,
    stage: Stage,
    place: Placement,
    kept: store.Run,
    watcher: Watcher,
    pin: Callable[[Placement], None],
) -> None:
    """Run every search of a plan; what each found is told at its end."""
    absent = kept.facts().absent
    for one in plan.searches:
        course = Course(lab, plan.profile, one)
        SearchWalk(
            course=course,
            seed=plan.seed,
            stage=stage,
            place=place,
            store=kept.add,
            progress=watcher,
            note=watcher.note,
            pin=pin,
            absent=analysis.missing(one, absent),
        ).run()
