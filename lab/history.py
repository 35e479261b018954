"""One claim through all runs that are kept: when, on which seed, with what verdict and effect.

A run that was reported has its results beside its records; one that was not is judged here, and
nothing is written. Verdicts are never added up: a claim that was decided once by a thorough run is
not refuted by a vote of quick ones.
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from lab.comparing import load
from lab.errors import LabError, UsageError
from lab.model import Frozen
from lab.report.model import Estimate, OutcomeName, Results
from lab.store import Run


class Entry(Frozen):
    """What one run said of a claim."""

    run: str
    started: str
    profile: str
    seed: int
    backend: str
    host: str  # hash of the machine's facts: alike is comparable
    version: str
    outcome: OutcomeName
    conditional: bool
    scale: str
    effect: Estimate | None
    blocks: int
    finished: bool


def history(results: Path, claim: str) -> list[Entry]:
    """Return what every run under results says of a claim, the oldest first.

    Raises UsageError where none has it. What is no run, or one of another age, is passed over.
    """
    found = [entry for run in runs(results) if (entry := _entry(run, claim))]
    if not found:
        raise UsageError(f"no run in {results} has a claim {claim!r}. `lab list claims` has names.")
    return sorted(found, key=lambda entry: (entry.started, entry.run))


def runs(results: Path) -> Iterator[Run]:
    """Yield the runs under a directory; `last` is a link to one of them."""
    for path in sorted(results.glob("*/run.json")):
        if not path.parent.is_symlink():
            yield Run(path.parent)


def _entry(run: Run, claim: str) -> Entry | None:
    try:
        facts, plan = run.facts(), run.plan()
        if claim not in plan.claims:
            return None
        found = _results(run)
    except (LabError, ValueError, KeyError):
        return None
    verdict = next((one for one in found.verdicts if one.claim == claim), None)
    if verdict is None:
        return None
    return Entry(
        run=facts.id,
        started=found.run.started,
        profile=facts.profile,
        seed=facts.seed,
        backend=facts.backend,
        host=facts.host,
        version=facts.version,
        outcome=verdict.outcome,
        conditional=verdict.conditional,
        scale=verdict.scale,
        effect=verdict.effect,
        blocks=verdict.blocks_used,
        finished=facts.how == "finished",
    )


def _results(run: Run) -> Results:
    path = run.path("results.json")
    if path.exists():
        try:
            return Results.model_validate_json(path.read_text(encoding="utf-8"))
        except (ValidationError, OSError):
            pass  # written by another version: judged anew
    return load(run).results


HEADS = ("run", "started", "profile", "seed", "backend", "verdict", "effect", "blocks")


def lines(found: list[Entry]) -> list[list[str]]:
    """Return the rows of a table."""
    return [
        [
            entry.run + ("" if entry.finished else " (not finished)"),
            entry.started,
            entry.profile,
            str(entry.seed),
            entry.backend,
            entry.outcome + (" (conditional)" if entry.conditional else ""),
            _effect(entry.effect),
            str(entry.blocks),
        ]
        for entry in found
    ]


def _effect(found: Estimate | None) -> str:
    if found is None:
        return "-"
    low = "open" if found.low is None else f"{found.low:.3g}"
    high = "open" if found.high is None else f"{found.high:.3g}"
    return f"{found.value:.3g} ({low} to {high})"
