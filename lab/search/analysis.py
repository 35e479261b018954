"""The records of a run become what its searches found. Pure, and repeatable at any time."""

from collections.abc import Container, Mapping, Sequence

from lab import lacks
from lab.context import load_words
from lab.metrics import METRICS
from lab.model import Plan, SearchPlan
from lab.record import Record
from lab.schema import Lab
from lab.search import words
from lab.search.progress import Course, Line
from lab.search.result import Asked, SearchResult, Turn
from lab.search.threshold import State

SLACK = 0.9  # of the budget: a search that used more than this was ended by it
WAITED_SHARE = 0.05  # of the time: more, and it is told


def conclude(
    lab: Lab, plan: Plan, records: Sequence[Record], absent: Mapping[str, str]
) -> list[SearchResult]:
    """Return what each search of the plan found, in the order of the plan."""
    return [_result(lab, plan.profile, one, records, absent) for one in plan.searches]


def told(lab: Lab, profile: str, plan: SearchPlan, records: Sequence[Record]) -> Course:
    """Return a search that has been told its records."""
    course = Course(lab, profile, plan)
    for record in records:
        course.add(record)
    return course


def missing(plan: SearchPlan, absent: Mapping[str, str]) -> dict[str, str]:
    """Return the arms that cannot run here, with the reason."""
    found = {cell.arm: lacks.of_cell(cell, absent) for cell in plan.edges}
    return {arm: why for arm, why in found.items() if why}


def _result(
    lab: Lab,
    profile: str,
    plan: SearchPlan,
    records: Sequence[Record],
    absent: Mapping[str, str],
) -> SearchResult:
    course = told(lab, profile, plan, records)
    search, mine, gone = course.search, course.records, missing(plan, absent)
    took = 0.0
    if mine:
        took = max(r.ended_unix for r in mine) - min(r.started_unix for r in mine)
    metric, bound = search.measured
    return SearchResult(
        id=plan.id,
        kind=plan.kind,
        question=search.question,
        over=plan.over,
        metric=METRICS[metric].words,
        low=plan.low,
        high=plan.high,
        bound=bound,
        tolerance=plan.tolerance,
        budget_s=plan.budget_s,
        took_s=took,
        load=f"at {plan.over} {plan.low}: {load_words(plan.edges[0].load)}",
        ended=_ended(course, took, gone),
        turns=[_turn(course, line, gone) for line in course.lines.values()],
    )


def _ended(course: Course, took: float, gone: Container[str]) -> str:
    if not course.wanted(gone):
        lost = any(line.hopeless for line in course.lines.values())
        return "too many rounds were lost to gates" if lost else "nothing was left to ask"
    if len(course.records) >= course.plan.trials:
        return f"{course.plan.trials} trials were made"
    spent = took >= SLACK * course.plan.budget_s
    why = "the budget was spent" if spent else "it was interrupted, or too little time was left"
    waited = sum(record.waited_s for record in course.records)
    return f"{why}; {words.waited(waited)}" if waited >= WAITED_SHARE * took else why


def _turn(course: Course, line: Line, gone: Mapping[str, str]) -> Turn:
    found = line.threshold.found()
    lacking = [
        gone[arm] for arm in course.plan.arms if arm in gone and arm in line.arm.split(" / ")
    ]
    outcome = found.state.value
    if lacking:
        outcome = "skipped"
    elif found.state is State.OPEN and line.walled is not None and found.low is not None:
        outcome = "at-least"
    elif found.state is State.OPEN and not line.threshold.asked and line.outcomes:
        outcome = "void"
    turn = Turn.model_validate(
        {
            "arm": line.arm,
            "outcome": outcome,
            "words": lacking[0] if lacking else "",
            "estimate": found.estimate,
            "low": found.low,
            "high": found.high,
            "reached": found.state is State.FOUND and line.threshold.done(),
            "trials": line.threshold.asked,
            "void": sum(outcome.yes is None for _, outcome in line.outcomes),
            "walled": line.walled,
            "levels": _levels(line),
        }
    )
    return turn if lacking else turn.model_copy(update={"words": words.turn(course, line, turn)})


def _levels(line: Line) -> list[Asked]:
    rows: dict[int, Asked] = {}
    for level, outcome in line.outcomes:
        was = rows.get(level, Asked(level=level, yes=0, no=0, void=0, values=[]))
        rows[level] = Asked(
            level=level,
            yes=was.yes + (outcome.yes is True),
            no=was.no + (outcome.yes is False),
            void=was.void + (outcome.yes is None),
            values=[*was.values, outcome.value] if outcome.value is not None else was.values,
            why=was.why if outcome.yes is False else outcome.why,
        )
    return [rows[level] for level in sorted(rows)]
