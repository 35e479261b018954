"""The load of traced trials: what a server under strace can bear, and how often. Pure."""

from lab.model import Cell, ClassLoad, ClassName, Timing
from loadtests.engine.classes import MUTE

REPEATS = 3  # traced trials of a cell: their calls per request should agree within 2 %
RATE = 100.0  # requests per second of all open classes together: far below what a trace can follow
BUSY = 100  # connections of each class that asks
IDLE = 1000  # silent connections
TIMING = Timing(warm_up=0.3, window=1.0, cool_down=0.3)  # seconds: a hundred requests at RATE
STEADY = {"executor": "", "start": 0.0, "stages": []}  # at the highest level of its stages


def bounded(cell: Cell) -> Cell:
    """Return the cell under the load at which it is traced.

    Closed loads stay closed, with their concurrency: events per wait depend on it.
    """
    total = sum(load.rate for load in cell.load.values())
    share = min(1.0, RATE / total) if total else 1.0
    load: dict[ClassName, ClassLoad] = {
        name: spec.model_copy(
            update={
                "connections": min(spec.connections, IDLE if name in MUTE else BUSY),
                "rate": spec.rate * share,
                "at_s": min(spec.at_s, TIMING.window / 2),
                **STEADY,
            }
        )
        for name, spec in cell.load.items()
    }
    return cell.model_copy(update={"load": load, "timing": TIMING})
