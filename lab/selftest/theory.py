"""A queue that theory knows, in front of the server that takes one client at a time.

1. alone     how long the server is held by one client, the work included (s), from its rate when
             somebody always waits; and how much longer the client sees it (the way)
2. choose    of many plans, arrivals and services drawn from a seed each, take the one that is most
             like the theory. Nothing has been measured with it yet. A queue's waits resemble each
             other: the mean of 4000 of them at rho 0.7 is off by some 7 % (one sd) in most plans,
             for no fault of the recorder's
3. load      that plan, and compare: with the theory, and with Lindley's recursion on the very same
             arrivals and services, which has no sampling error at all

Both must hold within the tolerance. What an unchosen plan would be off by is shown.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from lab.errors import TrialFailed
from lab.model import ClassLoad
from lab.record import Record
from lab.selftest import queues
from lab.selftest.finding import Finding, shown, within
from lab.selftest.rig import Rig, times
from loadtests.engine import arrivals, drawn
from loadtests.engine.histogram import supports

NS = 1_000_000_000
MS = 1_000_000
US = 1_000
SERVER = "blocking"
LOADS = (0.5, 0.7)  # rho
QUANTILES = (0.50, 0.90, 0.99)
TOLERANCE = 0.10
WAITING = 8  # clients: while one is served, others wait, so the server never does
RETURN_S = 0.005  # until each of them comes again: without it, the kernel's tables are held to be
# in danger (lab.turnover), as nobody there knows how long a request takes
MOST_WAITING = 400  # connections; no arrival waits for one
THINK_S = 0.002  # of the client that is alone: the server has closed the last one by then
CALIBRATE_S, CALIBRATE_QUICK_S = 3.0, 1.0
WINDOW_S, WINDOW_QUICK_S = 20.0, 8.0
PLANS = 300  # to choose from
PHASES = {"warm_up": 1.0, "cool_down": 0.5}


@dataclass(frozen=True)
class Alone:
    """Seconds. held: how long one client keeps the server; way: what it sees beyond that."""

    held: float
    way: float


@dataclass(frozen=True)
class Kind:
    """One queue. works: what each client asks for, seconds, from a seed and how many."""

    name: str
    mean: Callable[[float, float], float]
    quantile: Callable[[float, float, float], float]


@dataclass(frozen=True)
class Planned:
    """A plan that was chosen: what Lindley says of its clients inside the window, ascending."""

    seed: int
    responses: list[float]
    spread: float  # sd of the mean over all plans, as a share of the theory's
    spread_p99: float

    @property
    def mean(self) -> float:
        return statistics.fmean(self.responses)


def alone(rig: Rig, path: str) -> Alone:
    """Measure the server with one client at a time."""
    window = rig.seconds(CALIBRATE_S, CALIBRATE_QUICK_S)
    crowd = ClassLoad(connections=WAITING, think_s=RETURN_S, path=path)
    busy = rig.trial(SERVER, "http", {"short": crowd}, window)
    crossed = busy.engines[0].crossed
    held = (crossed[1] - crossed[0]) / NS / times(busy, "service", "short").count
    idle = rig.trial(
        SERVER, "http", {"short": ClassLoad(connections=1, think_s=THINK_S, path=path)}, window
    )
    return Alone(held, times(idle, "response", "short").mean() / NS - held)


def arrivals_of(seed: int, rate: float, window: float) -> list[float]:
    """Return the arrivals that the load engine draws from a seed, seconds."""
    duration = PHASES["warm_up"] + window + PHASES["cool_down"]
    planned = arrivals.plan("poisson", rate, round(duration * NS), f"{seed}/short/arrivals")
    return [at / NS for at in planned]


def works_of(seed: int, path: str, number: int) -> list[float]:
    """Return the work that the load engine asks for, seconds, from the same seed."""
    if not drawn.is_drawn(path):
        return [int(path.rsplit("/", 1)[1]) / 1e3] * number
    works = drawn.works(path, f"{seed}/short/payload", min(number, drawn.DRAWS))
    return [work / 1e3 for work in islice(cycle(works), number)]


def foresee(seed: int, path: str, rate: float, window: float, overhead: float) -> list[float]:
    """Return the times in the system of those that are done inside the window, ascending."""
    at = arrivals_of(seed, rate, window)
    services = [work + overhead for work in works_of(seed, path, len(at))]
    low, high = PHASES["warm_up"], PHASES["warm_up"] + window
    pairs = zip(at, queues.lindley(at, services), strict=True)
    return sorted(took for began, took in pairs if low <= began + took < high)


def choose(kind: Kind, path: str, rho: float, s: float, overhead: float, window: float) -> Planned:
    """Take the plan whose figures are nearest to the theory's."""
    rate = rho / s
    due = [kind.mean(s, rho), *(kind.quantile(q, s, rho) for q in QUANTILES)]
    plans = []
    for seed in range(1, PLANS + 1):
        responses = foresee(seed, path, rate, window, overhead)
        got = [statistics.fmean(responses), *(queues.quantile(responses, q) for q in QUANTILES)]
        ratios = [one / other for one, other in zip(got, due, strict=True)]
        plans.append((max(abs(math.log(ratio)) for ratio in ratios), seed, ratios, responses))
    _, seed, _, responses = min(plans)
    means, p99s = ([plan[2][n] for plan in plans] for n in (0, -1))
    return Planned(seed, responses, statistics.stdev(means), statistics.stdev(p99s))


def queue(
    rig: Rig, kind: Kind, path: str, rho: float, server: Alone, overhead: float, s: float
) -> list[Finding]:
    """Load the server to rho, and hold what was recorded against what was foreseen.

    overhead: what a client holds the server for beside the work it asks for. s: both, in the mean.
    """
    window = rig.seconds(WINDOW_S, WINDOW_QUICK_S)
    plan = choose(kind, path, rho, s, overhead, window)
    record = rig.trial(
        SERVER,
        "http",
        {"short": ClassLoad(connections=MOST_WAITING, rate=rho / s, spacing="poisson", path=path)},
        window,
        seed=plan.seed,
        phases=PHASES,
    )
    return judge(record, kind, rho, s, server.way, plan)


def judge(
    record: Record, kind: Kind, rho: float, s: float, way: float, plan: Planned
) -> list[Finding]:
    """Hold a record against theory and recursion, both with the way there and back."""
    seen = times(record, "response", "short")
    failed = sum(sum(e.classes["short"].total.failed.values()) for e in record.engines)
    if failed:
        raise TrialFailed("errors", f"{failed} requests failed")
    head = f"{kind.name} rho {rho}:"
    found = [
        shown(
            f"{head} clients, foreseen and seen",
            seen.count,
            len(plan.responses),
            text=f"plan {plan.seed} of {PLANS}; of an unchosen plan the mean would be off by "
            f"{plan.spread:.1%}, p99 by {plan.spread_p99:.1%} (one sd)",
        )
    ]
    mean = seen.mean() / NS
    found += _both(f"{head} mean", mean, kind.mean(s, rho) + way, plan.mean + way)
    for q in QUANTILES:
        if supports(q, seen.count):
            got = seen.quantile(round(q * 100_000)) / NS
            exact = queues.quantile(plan.responses, q) + way
            found += _both(f"{head} p{100 * q:g}", got, kind.quantile(q, s, rho) + way, exact)
    return found


def _both(what: str, got: float, theory: float, exact: float) -> list[Finding]:
    return [
        within(f"{what}, theory", 1e3 * got, 1e3 * theory, TOLERANCE, "ms"),
        within(f"{what}, Lindley", 1e3 * got, 1e3 * exact, TOLERANCE, "ms"),
    ]


def heading(server: Alone, s: float) -> Sequence[Finding]:
    """Show what was measured alone."""
    return [
        shown("one client holds the server", 1e3 * s, unit="ms", text="service time s, alone"),
        shown("the client sees more by", 1e3 * server.way, unit="ms", text="there and back"),
    ]
