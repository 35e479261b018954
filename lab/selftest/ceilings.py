"""The ceiling of this machine's load engine, kept beside the runs, and what it forbids.

`lab selftest ceiling` finds it and writes `results/ceiling.json`; `lab plan` and `lab run` read it.
It counts only on the machine it was found on: the hash of the host facts must be the same. Without
one nothing is refused. A cell may ask for SHARE of it at most: above, the engine's own queue is in
every latency. Loads of several classes add up, each by what share of its own ceiling it asks for.
"""

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field, ValidationError

from lab import host
from lab.budget import Line
from lab.model import Cell, ClassName, Frozen

NAME = "ceiling.json"
SHARE = 0.7  # of the ceiling; queues grow with 1 / (1 - share)
CONNECTING: tuple[ClassName, ...] = ("short", "churn")  # each of their requests is a connection


class Ceiling(Frozen):
    """Requests per second. closed: by connections. open: highest rate without lag, nothing unsent.

    short: connect, ask, close. bounds: figures at which the server gave out first, so that the
    engine can do more than they say. found: the date, for people.
    """

    schema_version: int = 1
    host: str
    found: str
    version: str
    closed: dict[int, float]
    open: float
    short: float
    bounds: list[str] = Field(default_factory=list)


def read(results: Path) -> Ceiling | None:
    """Return the ceiling that was found on this machine; None: none was, or on another one."""
    try:
        found = Ceiling.model_validate_json((results / NAME).read_bytes())
    except (OSError, ValidationError):
        return None
    return found if found.host == host.digest(host.facts()) else None


def write(results: Path, ceiling: Ceiling) -> Path:
    """Keep it."""
    results.mkdir(parents=True, exist_ok=True)
    path = results / NAME
    path.write_text(ceiling.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return path


def line(cell: Cell, ceiling: Ceiling) -> Line | None:
    """Hold the class that asks for the most against what the others leave; None: all are closed."""
    wholes = {n: ceiling.short if n in CONNECTING else ceiling.open for n in cell.load}
    shares = {n: load.rate / wholes[n] for n, load in cell.load.items() if load.rate}
    if not shares:
        return None
    worst = max(shares, key=lambda name: shares[name])
    others = sum(shares.values()) - shares[worst]
    have = int(max(0.0, SHARE - others) * wholes[worst])
    load, kind = cell.load[worst], "connections" if worst in CONNECTING else "requests"
    return Line(
        f"{kind} a second, {worst}",
        round(load.rate),
        have,
        cell.id,
        (worst, "stages" if load.stages else "rate"),
        f"That is {SHARE:.0%} of the load engine's ceiling here, less what other classes ask for "
        f"(found on {ceiling.found}). Write {have}/s at most; or load from other hosts, with load "
        "engines on CPUs of their own (--backend attach, docs/clusters.md).",
    )


def lines(cells: Iterable[Cell], ceiling: Ceiling | None) -> list[Line]:
    """Return a line for each cell that has a rate; none without a ceiling."""
    return [one for cell in cells if ceiling and (one := line(cell, ceiling))]


def dearest(cells: Iterable[Cell], ceiling: Ceiling | None) -> list[Line]:
    """Return the line of the cell that asks for the largest share."""
    found = lines(cells, ceiling)
    return [max(found, key=lambda one: one.share)] if found else []


def refused(cells: Iterable[Cell], ceiling: Ceiling | None) -> list[Line]:
    """Return what is above it: of each experiment the cell that asks for the most."""
    of: dict[str, list[Cell]] = {}
    for cell in cells:
        of.setdefault(cell.experiment, []).append(cell)
    found = (one for members in of.values() for one in dearest(members, ceiling))
    return [one for one in found if not one.ok]
