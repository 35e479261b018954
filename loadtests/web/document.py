"""GET /lab/live: one document with everything that the page shows, see example_live.json. Pure."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from loadtests.web import board

if TYPE_CHECKING:  # it imports locust, which patches the process
    from loadtests.desk import Trial


def live(
    driver: str | None,
    load: board.Load | None,
    trial: "Trial | None",
    runs: Sequence[dict[str, Any]],
    verdicts: Sequence[dict[str, Any]],
    counts: tuple[int, int],
) -> dict[str, Any]:
    """Build the document.

    driver: None when nobody drives. load: by hand, the one under way or the last one. trial: the
    one at the desk. counts: workers, and load engines.
    """
    by_hand = load if load is not None and driver in (None, "hand") else None
    running = driver == "hand" and load is not None
    return {
        "state": _state(driver, load, trial),
        "driver": driver,
        "run": _hand_run(by_hand) if by_hand else _lab_run(driver, trial),
        "now": board.current(load) if running and load else None,
        "total": board.total(by_hand) if by_hand else None,
        "gates": _gates(by_hand, running=running),
        "series": list(by_hand.series) if by_hand else [],
        "runs": list(runs),
        "verdicts": list(verdicts),
        "why": by_hand.error[1] if by_hand else "",
        "workers": counts[0],
        "engines": counts[1],
    }


def _gates(load: board.Load | None, *, running: bool) -> list[dict[str, str]]:
    if load is None:
        return []
    return load.gates() if running else load.final


def _state(driver: str | None, load: board.Load | None, trial: "Trial | None") -> str:
    if driver is None:
        return "idle"
    if driver == "hand":
        return load.state if load else "preparing"
    return "running" if trial and trial.state == "started" else "preparing"


def _hand_run(load: board.Load) -> dict[str, Any]:
    return {
        **board.facts(load.wish),
        "label": load.wish.label,
        "since_s": round((load.ended or time.time()) - load.begun, 1),
        "trial": load.trial,
    }


def _lab_run(driver: str | None, trial: "Trial | None") -> dict[str, Any] | None:
    """Say what `lab run` is at: its trials are not looked at while they run."""
    if driver is None or trial is None or trial.settled:
        return None
    classes = trial.order["classes"]
    asking = [load for name, load in classes.items() if name != "idle"]
    return {
        "server": trial.label.partition(" ")[0],
        "protocol": trial.order["protocol"],
        "workload": " + ".join(classes),
        "connections": sum(load["connections"] for load in asking),
        "idle": classes.get("idle", {}).get("connections", 0),
        "rate": sum(load.get("rate", 0.0) for load in asking),
        "payload": next((load.get("payload", 64) for load in asking), 0),
        "label": trial.label,
        "since_s": round(time.monotonic() - trial.begun, 1),
        "trial": trial.id,
    }
