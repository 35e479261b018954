"""What a run has found so far, for people who watch Locust's page: rows for its tab *Verdicts*.

Between trials only, and never adjusted for multiplicity: the report has the last word.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from lab import saying
from lab.data import Data
from lab.judging import judge
from lab.model import Plan
from lab.schema import Lab
from lab.store import Run
from lab.verdicts import Decision

MOST_CHARS = 2000  # of a reason


class Board(Protocol):
    """Where rows are shown: `lab.load.LocustClient`."""

    def verdicts(self, run: str, rows: Sequence[Mapping[str, str]]) -> None:
        """Replace the rows of a run. Never raises."""


class Telling:
    """The rows of one run."""

    def __init__(self, board: Board, kept: Run, lab: Lab, plan: Plan, data: Data) -> None:
        self._board, self._kept = board, kept
        self._lab, self._plan, self._data = lab, plan, data
        self._probes, self._absent = kept.probes(), kept.facts().absent
        self._tables = kept.tables()
        self._rows: dict[str, dict[str, str]] = {}

    def look(self, experiment: str) -> None:
        """Judge the claims of an experiment anew: a block of it has ended."""
        claims = self._lab.claims
        self._tell([n for n in self._plan.claims if _experiment(claims[n]) == experiment])

    def conclude(self) -> None:
        """Judge all of them."""
        self._tell(self._plan.claims)

    def _tell(self, names: Sequence[str]) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        for name in names:
            found = judge(
                self._lab, self._plan, self._data, self._probes, name, self._absent, self._tables
            )
            row = {"claim": name, **words(found.decision), "at": at}
            before = self._rows.get(name, {})
            if {**before, "at": at} != row:  # `at` is when it was first so
                self._rows[name] = row
        self._board.verdicts(self._kept.id, [*self._rows.values()])


def words(decision: Decision) -> dict[str, str]:
    """Verdict, effect, interval and reason as they are shown."""
    effect = saying.effect(decision)
    interval = ""
    if effect and (effect.low is not None or effect.high is not None):
        low = "open" if effect.low is None else f"{effect.low:.3g}"
        high = "open" if effect.high is None else f"{effect.high:.3g}"
        interval = f"{low} to {high}"
    return {
        "verdict": decision.outcome.value,
        "effect": f"{effect.value:.3g}" if effect else "",
        "interval": interval,
        "reason": decision.reason[:MOST_CHARS],
    }


def _experiment(claim: object) -> str:
    return str(getattr(claim, "experiment", ""))
