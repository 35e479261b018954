"""What `lab run` has found so far: rows for the tab *Verdicts* and for /lab/. Values only."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

MOST_ROWS = 200  # of one run; lab.yaml has some dozens
MOST_RUNS = 5  # the last ones
COLUMNS = ("claim", "verdict", "effect", "interval", "reason", "at")
TITLE = {"key": "verdicts", "title": "Verdicts"}


class Row(BaseModel):
    """One claim. Texts, as they will be shown; too long ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    claim: str = Field(min_length=1, max_length=200)
    verdict: str = Field(min_length=1, max_length=40)
    effect: str = Field(default="", max_length=200)
    interval: str = Field(default="", max_length=200)
    reason: str = Field(default="", max_length=2000)
    at: str = Field(default="", max_length=40)


ROWS = TypeAdapter(list[Row])


class Verdicts:
    """Rows by run; a run's new rows replace its old ones."""

    def __init__(self) -> None:
        self._runs: dict[str, list[dict[str, Any]]] = {}

    def post(self, run: str, body: bytes) -> int:
        """Take JSON. Raises ValueError (pydantic's among them)."""
        found = ROWS.validate_json(body)
        if len(found) > MOST_ROWS or len(run) > MOST_ROWS:
            raise ValueError(f"more than {MOST_ROWS} rows")
        self._runs.pop(run, None)
        self._runs[run] = [row.model_dump() for row in found]
        while len(self._runs) > MOST_RUNS:
            del self._runs[next(iter(self._runs))]
        return len(found)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows, those of the newest run first."""
        return [row for run in reversed(self._runs.values()) for row in run]


def table(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what Locust's page wants in /stats/requests."""
    return {"extended_stats": [{"key": TITLE["key"], "data": list(rows)}]}


def structure() -> dict[str, Any]:
    """Return what Locust's page wants to know of the tab beforehand."""
    columns = [{"key": key, "title": key.title()} for key in COLUMNS]
    return {
        "extended_tabs": [TITLE],
        "extended_tables": [{"key": TITLE["key"], "structure": columns}],
    }
