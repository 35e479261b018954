"""A clock that everybody has: the GIL's switch interval, read from outside as latency.

A thread that wants the interpreter's lock waits for the switch interval, then asks for it; a
thread that burns gives it up then and not before. So a threaded echo server beside one burner
answers after one interval, or two where the next request meets the thread still waiting behind its
send().
"""

from lab.model import ClassLoad
from lab.selftest.finding import Finding, at_least, at_most, within
from lab.selftest.rig import Rig, times

SERVER = "lab.selftest.programs.beside_a_burner"
NS = 1_000_000_000
INTERVALS_MS = (5.0, 1.0)
LEAST, MOST = 1.0, 2.2  # medians, in intervals
WITHOUT = 0.2  # intervals, at most, with no burner
RATIO_TOLERANCE = 0.20


def measure(rig: Rig) -> list[Finding]:
    """Ask on one connection, with and without a burner."""
    with_burner = {interval: median_ms(rig, interval, 1) for interval in INTERVALS_MS}
    alone = {interval: median_ms(rig, interval, 0) for interval in INTERVALS_MS}
    return judge(with_burner, alone)


def median_ms(rig: Rig, interval_ms: float, burners: int) -> float:
    """Return the median response time."""
    record = rig.trial(
        SERVER,
        "echo",
        {"long": ClassLoad(connections=1)},
        rig.seconds(3.0, 1.0),
        env={"LAB_BURNERS": str(burners), "LAB_SWITCH_S": str(interval_ms / 1000)},
    )
    return 1e3 * times(record, "response", "long").quantile(50_000) / NS


def judge(with_burner: dict[float, float], alone: dict[float, float]) -> list[Finding]:
    """Hold the medians, by switch interval, against the clock."""
    found: list[Finding] = []
    for interval, median in with_burner.items():
        head = f"switch interval {interval:g} ms:"
        found += [
            at_least(f"{head} median, a burner beside it", median, LEAST * interval, "ms"),
            at_most(f"{head} the same", median, MOST * interval, "ms"),
            at_most(f"{head} median, none", alone[interval], WITHOUT * interval, "ms"),
        ]
    long, short = INTERVALS_MS
    ratio = with_burner[long] / with_burner[short]
    return [*found, within("ratio of the two", ratio, long / short, RATIO_TOLERANCE)]
