"""A server that stands still for S seconds inside a window of T: who tells the truth about it?

Open load at a constant rate over kept connections. A request that was due in the stall waits for
its rest: response time falls evenly from S to 0 over the S seconds, so the share of the window
that waited longer than x is (S - x) / T, and p(q) = S - (1 - q) T while that is positive. Counted
from the moment of sending, only one request per connection has waited at all: C of R T, so that
every percentile below 1 - C / (R T) hides the stall. That is coordinated omission.
"""

import time

from lab.backends.contract import Target
from lab.errors import TrialFailed
from lab.model import ClassLoad
from lab.record import Record
from lab.selftest.finding import Finding, at_most, shown, within
from lab.selftest.rig import Rig, times

NS = 1_000_000_000
MS = 1_000_000
RATE = 400.0  # per second: the R S requests of the stall are answered within milliseconds
CONNECTIONS = 4  # few: C / (R T) stays below 1 %, and the uncorrected p99 sees nothing
PERCENTILES = (0.90, 0.95, 0.99)
TOLERANCE = 0.10
BEFORE = 0.3  # of the window passes before the stall; behind it is time to catch up
HIDDEN = 0.05  # of the stall: what the uncorrected p99 shows at most, where it hides it


def law(q: float, stall_s: float, window_s: float) -> float:
    """Return the response time at quantile q, seconds: S - (1 - q) T, or 0 beyond the stall."""
    return max(0.0, stall_s - (1 - q) * window_s)


class Stop:
    """SIGSTOP, a sleep, SIGCONT: in the window, and for exactly as long as told afterwards."""

    def __init__(self, stall_s: float, stopped: list[tuple[int, int]]) -> None:
        self._stall_s, self._stopped = stall_s, stopped

    def __call__(self, target: Target, start_ns: int, end_ns: int) -> None:
        at = start_ns + round((end_ns - start_ns) * BEFORE)
        time.sleep(max(0, at - time.monotonic_ns()) / NS)
        target.pause()
        paused = time.monotonic_ns()
        time.sleep(self._stall_s)
        resumed = time.monotonic_ns()
        target.resume()
        self._stopped.append((paused, resumed))


def measure(rig: Rig) -> list[Finding]:
    """Stop the epoll server in the middle of an open load."""
    window = rig.seconds(10.0, 3.0)
    stopped: list[tuple[int, int]] = []
    record = rig.trial(
        "epoll",
        "echo",
        {"long": ClassLoad(connections=CONNECTIONS, rate=RATE)},
        window,
        meanwhile=Stop(window / 5, stopped),
    )
    if not stopped:
        raise TrialFailed("trial-broke", "the server was never stopped")
    return judge(record, window, (stopped[0][1] - stopped[0][0]) / NS)


def judge(record: Record, window_s: float, stall_s: float) -> list[Finding]:
    """Hold one record against the law. stall_s: as it was, by the clock."""
    response, service = times(record, "response", "long"), times(record, "service", "long")
    found = [shown("stall", stall_s, unit="s", text=f"in a window of {window_s:g} s")]
    for q in PERCENTILES:
        name = f"p{100 * q:g}"
        measured = response.quantile(round(q * 100_000)) / NS
        found.append(
            within(f"{name} response", measured, law(q, stall_s, window_s), TOLERANCE, "s")
        )
        hidden = service.quantile(round(q * 100_000)) / NS
        found.append(shown(f"{name} service, uncorrected", hidden, unit="s"))
    seen = service.quantile(99_000) / NS
    return [
        *found,
        at_most(
            "p99 service hides the stall", seen, HIDDEN * stall_s, "s", "as any closed recorder's"
        ),
        within("longest response", response.max / NS, stall_s, TOLERANCE, "s"),
    ]
