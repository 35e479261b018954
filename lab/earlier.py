"""How an earlier run of a profile went, cell by cell: what a plan expects of the next one.

How many looks a claim takes is what a run finds out, so a plan alone knows only the least and the
most. The newest finished run of the same profile knows how it was.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from lab import twins
from lab.errors import LabError
from lab.forecast import Earlier
from lab.model import Plan
from lab.store import Run, RunFacts

SHARE = 0.5  # of a plan's cells that a run must know, to say anything on how long it takes


def newest(results: Path, plan: Plan) -> Earlier | None:
    """Return the newest run like this plan; None: no such run was finished, and reported.

    Like it: of the same profile and looks, with at least SHARE of the plan's cells.
    """
    wanted = {cell.id for cell in plan.cells}
    for run in _finished(results, plan.profile):
        found = _read(run, plan)
        if found is not None and len(wanted & found.attempts.keys()) >= SHARE * len(wanted):
            return found
    return None


def _finished(results: Path, profile: str) -> Iterator[Run]:
    """Yield the finished runs of a profile, the newest first."""
    there: list[tuple[float, Run]] = []
    for path in results.glob("*/run.json"):
        if path.parent.is_symlink():  # last
            continue
        run = Run(path.parent)
        facts = _facts(run)
        if facts is None or twins.NOTE in facts.notes:  # twins are decided sooner
            continue
        if facts.profile == profile and facts.how == "finished":
            there.append((facts.started_unix, run))
    yield from (run for _, run in sorted(there, key=lambda one: one[0], reverse=True))


def _facts(run: Run) -> RunFacts | None:
    try:
        return run.facts()
    except (LabError, ValueError):  # of another age
        return None


def _read(run: Run, plan: Plan) -> Earlier | None:
    """Read what is needed, and no more: the whole of a long run takes seconds to be validated."""
    try:
        then = json.loads(run.path("plan.json").read_text())
        found = json.loads(run.path("results.json").read_text())
        if (then["looks"], then.get("until", 0)) != (plan.looks, plan.until):
            return None
        attempts = dict.fromkeys((cell["id"] for cell in then["cells"]), 0)
        attempts |= {cell["id"]: int(cell["attempts"]) for cell in found["cells"]}
        searches = {one["id"]: float(one["took_s"]) for one in found.get("searches", ())}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # not reported, or old
        return None
    return Earlier(run=run.id, attempts=attempts, searches=searches)
