"""An effect of known size, put in and found again: so many microseconds of CPU per request.

The server is asked to compute for 20 and for 50 us of its own thread's CPU time (/cpu/20, /cpu/50),
and for none (/cpu/0), at the same open rate. What the meter says more than for none must be just
that: it shows at once that the CPU clock loses nothing, that the requests counted are those of the
metered interval, and that neither depends on the load. Rounds are interleaved; differences are
taken inside a round, as in a block.
"""

import statistics

from lab.measure import cpu_ns
from lab.model import ClassLoad
from lab.selftest.finding import Finding, shown, within
from lab.selftest.rig import Rig

US = 1_000
EFFECTS_US = (20, 50)
RATE = 2000.0  # per second: at 50 us the server is far from busy
CONNECTIONS = 8
ROUNDS, ROUNDS_QUICK = 4, 3
TOLERANCE = 0.10


def cost(rig: Rig, work_us: int) -> float:
    """Return the server's CPU per request, us."""
    load = ClassLoad(connections=CONNECTIONS, rate=RATE, path=f"/cpu/{work_us}", payload=0)
    return cpu_ns(rig.trial("epoll", "http", {"long": load}, rig.seconds(1.5, 0.8))) / US


def measure(rig: Rig) -> list[Finding]:
    """Measure all of them in each round."""
    rounds = ROUNDS_QUICK if rig.quick else ROUNDS
    return judge([{work: cost(rig, work) for work in (0, *EFFECTS_US)} for _ in range(rounds)])


def judge(rounds: list[dict[int, float]]) -> list[Finding]:
    """Hold the medians of the differences against what was put in."""
    base = statistics.median(costs[0] for costs in rounds)
    found = [shown("CPU per request without it", base, unit="us")]
    for work in EFFECTS_US:
        more = statistics.median(costs[work] - costs[0] for costs in rounds)
        found.append(within(f"{work} us per request put in", more, work, TOLERANCE, "us"))
    return found
