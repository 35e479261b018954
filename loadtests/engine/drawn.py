"""Work that is drawn per request: the service times of a queue, from the trial's seed. Pure.

/block/~6000       exponentially distributed, 6000 us in the mean, rounded to whole milliseconds
/block/~6000-210   the same less 210 us, and not below 0: what a request costs the server besides

The engine's own spelling, for `lab selftest`: the server is asked for plain numbers, of eight
digits each, so that all requests are equally long. The k-th request to begin gets the k-th draw,
whichever connection it is on; behind DRAWS of them they start anew.
"""

import re

from loadtests.engine import paths
from loadtests.engine.arrivals import exponential

DRAWS = 16_384  # requests until the draws repeat: 60 s at 270/s
DIGITS = 8
MS = 1000  # us
_FORM = re.compile(r"/block/~([1-9][0-9]{0,5})(?:-([1-9][0-9]{0,5}))?")
_, MOST = paths.NUMBERED["block"]


def is_drawn(path: str) -> bool:
    return "~" in path


def problem(path: str) -> str:
    """As `paths.problem`, for paths that are drawn, too."""
    if not is_drawn(path):
        return paths.problem(path)
    return "" if _FORM.fullmatch(path) else "is no drawn work. Write /block/~6000-200."


def works(path: str, seed: str, number: int = DRAWS) -> list[int]:
    """Return the waits of that many requests, milliseconds, in order. The path has no `problem`."""
    match = _FORM.fullmatch(path)
    assert match is not None, path
    mean, less = int(match[1]), int(match[2] or 0)
    variates = exponential(seed)
    waits = (round((mean * next(variates) - less) / MS) for _ in range(number))
    return [min(MOST, max(0, wait)) for wait in waits]


def requested(path: str, seed: str) -> list[str]:
    """Return the paths of the requests, in order: one, unless it is drawn."""
    if not is_drawn(path):
        return [path]
    return [f"/block/{wait:0{DIGITS}}" for wait in works(path, seed)]
