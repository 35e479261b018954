"""What a search asks and what it found, as plain sentences. Pure."""

from collections import Counter

from lab.model import SearchPlan
from lab.search.outcomes import Outcome
from lab.search.progress import Course, Line
from lab.search.result import SearchResult, Turn
from lab.search.shapes import CapacitySearch, CrossoverSearch

RATE = "/s"  # behind a level of a capacity search


def planned(plan: SearchPlan) -> str:
    """Say what a search would do, and how long it may take."""
    arms = " / ".join(plan.arms) if plan.kind == "crossover" else ", ".join(plan.arms)
    return (
        f"search {plan.id}: {plan.kind} of {arms} over {plan.over}, {plan.low} to {plan.high}, "
        f"to {plan.tolerance:.0%}; at most {plan.budget_s:.0f} s and {plan.trials} trials"
    )


def answer(arm: str, level: int, over: str, outcome: Outcome) -> str:
    """Say what a trial, or a round of two, answered."""
    verdict = {True: "yes", False: "no", None: "void"}[outcome.yes]
    value = ""
    if outcome.yes is False and outcome.value is not None and outcome.why == "holds":
        value = f", p99 {outcome.value / 1000:.2f} ms"
    return f"{arm}, {over} {level}: {verdict} ({outcome.why}{value})"


def waited(seconds: float) -> str:
    """Say what the time went by with, where Docker has the kernel follow every connection."""
    return (
        f"{seconds:.0f} s went by until the kernel could follow more connections "
        "(sysctl net.netfilter.nf_conntrack_max)"
    )


def turn(course: Course, line: Line, found: Turn) -> str:
    """Say what was found, in one sentence or two."""
    if isinstance(course.search, CapacitySearch):
        return _capacity(course.search, line, found)
    return _crossover(course.search, line, found)


def _capacity(search: CapacitySearch, line: Line, found: Turn) -> str:
    bound = f"p99 below {search.p99 * 1000:g} ms"
    wall = f" From {found.walled}{RATE} on the load engine is the limit." if found.walled else ""
    told = {
        "found": f"{found.arm} sustains {_rate(found.estimate)} with {bound}: {_span(found)}."
        f"{_wide(search, found)}{wall}{_lost(line)}",
        "at-least": f"{found.arm} sustains {_rate(found.low)} at least with {bound}.{wall}",
        "above": f"{found.arm} sustains all that was asked, {_rate(found.low)}, with {bound}.",
        "below": f"{found.arm} does not sustain {_rate(found.high)} with {bound}: "
        f"{_why(line, yes=True)}.",
        "not-monotone": f"{found.arm} fails at one rate and surely holds at a higher one.",
        "void": f"No trial of {found.arm} could tell: {_why(line)}.",
        "open": f"{found.arm}: not decided ({_span(found)}).{wall}{_lost(line)}",
    }
    return told[found.outcome]


def _crossover(search: CrossoverSearch, line: Line, found: Turn) -> str:
    a, b, over = search.ratio.a, search.ratio.b, search.over
    near = f"{b} begins to beat {a} near {over} {found.estimate or 0:.0f}"
    told = {
        "found": f"{near}: {_span(found)}.{_wide(search, found)}{_lost(line)}",
        "below": f"Always: {b} beats {a} from {over} {found.high} on, the lowest level asked.",
        "above": f"None in the range: {a} beats {b} up to {over} {found.low}.",
        "not-monotone": f"{b} beats {a} at one level and surely loses at a higher one.",
        "void": f"No round could tell: {_why(line)}.",
        "open": f"Not decided in the budget: {_span(found)}.{_lost(line)}",
    }
    return told[found.outcome]


def _rate(level: float | None) -> str:
    return f"{level or 0:.0f}{RATE}"


def _span(found: Turn) -> str:
    if found.low is None and found.high is None:
        return f"no level is surely on one side after {found.trials} answers"
    low = "open below" if found.low is None else f"{found.low}"
    high = "open above" if found.high is None else f"{found.high}"
    return f"95 % interval {low} to {high}, {found.trials} answers"


def _wide(search: CapacitySearch | CrossoverSearch, found: Turn) -> str:
    if found.reached:
        return ""
    return f" Wider than the {search.tolerance:.0%} asked for."


def _lost(line: Line) -> str:
    if not line.thinned:
        return ""
    return f" {len(line.lost)} of {len(line.rounds)} rounds were lost to gates: {_why(line)}."


def _why(line: Line, *, yes: bool | None = None) -> str:
    """Name the most frequent reason why trials could not tell, or said yes."""
    told = [outcome for _, outcome in line.outcomes if outcome.yes is yes]
    if not told:
        return "nothing was asked"
    gate, _ = Counter(outcome.gate for outcome in told).most_common(1)[0]
    why = next(outcome.why for outcome in reversed(told) if outcome.gate == gate)
    return f"{gate}: {why}" if gate else why


def lines(result: SearchResult) -> list[str]:
    """Say what a search found, for a terminal: a line each."""
    head = f"{result.id}: {result.question}"
    facts = f"{result.over} {result.low} to {result.high}; {result.load}"
    took = f"{result.took_s:.0f} s of {result.budget_s:.0f} s; {result.ended}"
    return [head, *(f"  {one.words}" for one in result.turns), f"  ({facts}; {took})"]
