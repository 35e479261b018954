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
from lab.budget import Line, Place
from lab.model import Cell, ClassLoad, ClassName, Frozen

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


def peak(load: ClassLoad) -> float:
    """Return the highest rate that a load schedules; 0: it is closed, so no rate is asked for."""
    stages = getattr(load, "stages", None) or ()
    if stages and not getattr(load, "executor", "").endswith("vus"):
        return max([load.rate, getattr(load, "start", 0.0), *(target for _, target in stages)])
    return load.rate


def lines(cell: Cell, ceiling: Ceiling, place: Place) -> list[Line]:
    """Hold one cell's rates against the ceiling: a line for its open classes together."""
    shares = {
        name: peak(load) / (ceiling.short if name in CONNECTING else ceiling.open)
        for name, load in cell.load.items()
        if peak(load)
    }
    if not shares:
        return []
    worst = max(shares, key=lambda name: shares[name])
    whole = ceiling.short if worst in CONNECTING else ceiling.open
    others = sum(shares.values()) - shares[worst]
    have = int(max(0.0, SHARE - others) * whole)
    kind = "connections" if worst in CONNECTING else "requests"
    away = place.engines if not place.local(cell) else 1  # here all engines share one core
    return [
        Line(
            f"{worst} {kind} a second of the load engine",
            round(peak(cell.load[worst])),
            have * away,
            cell.id,
            (worst, "stages" if getattr(cell.load[worst], "stages", None) else "rate"),
            f"That is {SHARE:.0%} of the ceiling that was found here on {ceiling.found}. "
            f"Write {have * away}/s or less; or load from more hosts, each with load engines of "
            "its own (lab run --backend attach --workers N)",
        )
    ]


def refused(cells: Iterable[Cell], ceiling: Ceiling | None, place: Place) -> list[Line]:
    """Return what is above it: of each experiment the cell that asks for the most."""
    worst: dict[str, Line] = {}
    for cell in cells if ceiling else ():
        assert ceiling is not None
        for line in lines(cell, ceiling, place):
            known = worst.get(cell.experiment)
            if not line.ok and (known is None or line.share > known.share):
                worst[cell.experiment] = line
    return list(worst.values())
