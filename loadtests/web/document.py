"""GET /lab/live: one document with everything that the page shows, see example_live.json. Pure."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from loadtests.engine.classes import MUTE
from loadtests.web import board
from loadtests.web.form import Wish
from loadtests.web.spans import Span

ERRORS = 20  # kinds; the engine knows seven

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
        "now": current(load) if running and load else None,
        "total": total(by_hand) if by_hand else None,
        "gates": by_hand.judged if by_hand else [],
        "series": list(by_hand.series) if by_hand else [],
        "runs": list(runs),
        "verdicts": list(verdicts),
        "why": by_hand.error[1] if by_hand else "",
        "workers": counts[0],
        "engines": counts[1],
    }


def _state(driver: str | None, load: board.Load | None, trial: "Trial | None") -> str:
    if driver is None:
        return "idle"
    if driver == "hand":
        return load.state if load else "preparing"
    return "running" if trial and trial.state == "started" else "preparing"


def _hand_run(load: board.Load) -> dict[str, Any]:
    return {
        **facts(load.wish),
        "label": load.wish.label,
        "since_s": round((load.ended or time.time()) - load.begun, 1),
        "trial": load.trial,
    }


def _lab_run(driver: str | None, trial: "Trial | None") -> dict[str, Any] | None:
    """Say what `lab run` is at: its trials are not looked at while they run."""
    if driver is None or trial is None or trial.settled:
        return None
    classes = trial.order["classes"]
    asking = [load for name, load in classes.items() if name not in MUTE]
    return {
        "server": trial.label.partition(" ")[0],
        "protocol": trial.order["protocol"],
        "workload": " + ".join(classes),
        "connections": sum(load["connections"] for load in asking),
        "idle": sum(load["connections"] for name, load in classes.items() if name in MUTE),
        "rate": sum(load.get("rate", 0.0) for load in asking),
        "payload": next((load.get("payload", 64) for load in asking), 0),
        "label": trial.label,
        "since_s": round(time.monotonic() - trial.begun, 1),
        "trial": trial.id,
    }


def current(load: board.Load) -> dict[str, Any] | None:
    """Return `now` of the live document: the last second."""
    span, meter, shown = load.now, load.meter, load.shown
    if span is None:
        return None
    lag, last = shown["lag"], meter.last if meter else None
    return {
        "requests_per_s": board.per_second(span.completed, span.seconds),
        "failures_per_s": board.per_second(span.failed.total(), span.seconds),
        "response_ms": shown["response"],
        "service_ms": shown["service"],
        "connect_ms": shown["connect"],
        "send_lag_ms": {"p50": lag["p50"], "p99": lag["p99"]} if lag else None,
        "engine_cpu": board.short(span.busiest),
        "server_cpu_us_per_request": board.short(meter.per_request_us if meter and last else None),
        "server_cpu": board.short(meter.cores if meter else None),
        "server_memory_bytes": last and last.memory_bytes,
        "throttled": meter.throttled if meter else None,
        "backlog": span.backlog,
        "census": {
            "asked": _census(span, "asked"),
            "open": _census(span, "open"),
            "server_sockets": meter.held if meter else None,
        },
        "meter_note": meter.note if meter else load.no_meter,
    }


def _census(span: Span, what: str) -> dict[str, int]:
    return {
        name: span.classes[name].census[what] if name in span.classes else 0
        for name in ("long", "short", "idle")
    }


def total(load: board.Load) -> dict[str, Any] | None:
    """Return `total` of the live document: since the start."""
    found = load.total
    if load.now is None:
        return None
    errors = [{"text": kind, "count": n} for kind, n in found.failed.most_common(ERRORS) if n]
    return {
        "requests": found.completed + found.failed.total(),
        "failures": found.failed.total(),
        "errors": errors,
        "response_ms": board.times(found.response),
        "service_ms": board.times(found.service),
    }


def summary(load: board.Load, at: str) -> dict[str, Any]:
    """Return the row of a load that has ended. at: ISO time of its end."""
    found, meter = load.total, load.meter
    states = {gate["gate"]: gate["state"] for gate in load.judged}
    last = meter.last if meter else None
    return {
        "at": at,
        **facts(load.wish),
        "seconds": round(found.seconds, 1),
        "requests_per_s": board.per_second(found.completed, found.seconds),
        "failures": found.failed.total(),
        "response_ms": board.times(found.response),
        "service_ms": board.times(found.service),
        "server_cpu_us_per_request": board.short(meter.mean_us if meter else None),
        "server_memory_bytes": last and last.memory_bytes,
        "gates": [name for name, state in states.items() if state in ("warn", "void")],
        "why": load.error[1],
        "valid": load.now is not None and "void" not in states.values(),
    }


def facts(wish: Wish) -> dict[str, Any]:
    """Return what was asked for."""
    names = ("server", "protocol", "workload", "connections", "idle", "rate", "payload")
    return {name: getattr(wish, name) for name in names}
