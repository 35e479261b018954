"""How many connections a load opens and leaves behind: upper bounds for `lab.budget`. Pure."""

from collections.abc import Callable

from lab.forecast import trial_seconds
from lab.model import Cell, ClassLoad, ClassName, Plan
from loadtests.engine.course import course, nanoseconds

ENGINE_MOST = 20_000  # short connections per second that one engine opens at most
HARDLY = 100e-6  # seconds that a short connection takes at least
QUIET = ("reset", "abandon")  # ends that leave nothing in TIME_WAIT: a reset forgets (RFC 9293)


def seconds(cell: Cell) -> float:
    """Return how long a trial's load lasts."""
    return cell.timing.warm_up + cell.timing.window + cell.timing.cool_down


def scheduled(load: ClassLoad, duration: float) -> float:
    """Return how many requests a class sends in that time; of a closed one, how many fit."""
    if load.rate and load.stages:
        return float(course(load.start, load.stages).gathered(nanoseconds(duration)))
    if load.rate:
        return load.rate * duration
    return load.connections / max(load.think_s, HARDLY) * duration


def opened(name: ClassName, load: ClassLoad, duration: float, engines: int = 1) -> int:
    """Return how many connections of a class come to an end in that time, so that others follow."""
    if name == "churn":
        return int(load.rate * duration)
    if name == "storm":
        return load.connections
    if name != "short" and not load.requests:
        return 0
    asked = min(scheduled(load, duration), ENGINE_MOST * engines * duration)
    return int(asked) // max(1, load.requests)


def left(name: ClassName, load: ClassLoad, duration: float, engines: int = 1) -> int:
    """Return how many of those stay in TIME_WAIT on the client's side."""
    return 0 if load.ends in QUIET else opened(name, load, duration, engines)


def held(cell: Cell) -> int:
    """Return the most connections that a cell has open at once."""
    return sum(load.connections for load in cell.load.values())


def waits(cell: Cell, engines: int = 1) -> int:
    """Return how many sockets in TIME_WAIT a trial leaves, at most."""
    return sum(left(name, load, seconds(cell), engines) for name, load in cell.load.items())


def tracked(cell: Cell, engines: int = 1) -> int:
    """Return how many entries a trial leaves in the kernel's table of tracked connections."""
    again = (opened(name, load, seconds(cell), engines) for name, load in cell.load.items())
    return held(cell) + sum(again)


def crowd(plan: Plan, of: Callable[[Cell], float], within: float) -> int:
    """Return the most that planned trials leave behind in any stretch of so many seconds."""
    cells = {cell.id: cell for cell in plan.cells}
    found = [cells[trial.cell] for trial in plan.trials if trial.block < plan.looks[-1]]
    takes = {cell.id: trial_seconds(cell) for cell in plan.cells}
    leaves = {cell.id: of(cell) for cell in plan.cells}
    first, length, total, most = 0, 0.0, 0.0, 0.0
    for cell in found:
        total += leaves[cell.id]
        length += takes[cell.id]
        while length - takes[found[first].id] > within:
            total -= leaves[found[first].id]
            length -= takes[found[first].id]
            first += 1
        most = max(most, total)
    return round(most)
