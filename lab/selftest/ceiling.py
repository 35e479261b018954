"""How much can the load engine do on this machine? Against a server that does next to nothing.

closed   1, 50 and 500 kept connections that never pause: requests per second
open     the highest rate at which nothing stays unsent and 99 % are sent within 0.3 ms of the plan
short    connect, ask, close, on 8 connections at a time

Where the server used up its CPU before the engine did, the figure is a lower bound, and says so.
Kept in results/ceiling.json for `lab plan` and `lab run`, unless other programs were at work or a
figure is not where it must be.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from lab import host
from lab.gates.load import LAG_NS
from lab.measure import ends, engine_share, server_share
from lab.model import ClassLoad, ClassName
from lab.record import Record
from lab.selftest import ceilings
from lab.selftest.finding import Finding, at_least, at_most, shown
from lab.selftest.rig import Rig, times

SERVER = "lab.selftest.programs.null"
NS = 1_000_000_000
CONNECTIONS = (1, 50, 500)
OPEN_CONNECTIONS = 50
AT_ONCE = 8  # short connections
SHORT_S, SHORT_PHASES = 0.5, {"warm_up": 0.2, "cool_down": 0.05}  # each takes a port: for a minute
TRIES = 2  # of a rate: a machine that is disturbed makes a load late, and none makes it early
STEPS = 6  # halvings of the interval [0, what the closed load reached]: to 2 % of it
FULL = 0.95  # of a CPU: who uses that is at its end
LEAST_SHARE = 0.2  # of the closed rate: an open load that reaches less is a fault of the engine's


@dataclass
class Reached:
    """A rate, and whether the server gave out first."""

    rate: float
    engine: float
    server: float

    @property
    def bound(self) -> bool:
        return self.server >= FULL > self.engine


def reached(rig: Rig, load: dict[ClassName, ClassLoad], window: float, **phases: float) -> Reached:
    """Run a closed load; return how far it came."""
    record = rig.trial(SERVER, "echo", load, window, phases=phases)
    first, last = ends(record)
    (name,) = load
    rate = times(record, "service", name).count * NS / (last.at_ns - first.at_ns)
    return Reached(rate, engine_share(record), server_share(record))


def keeps_up(record: Record) -> bool:
    """Whether everything was sent in time and answered."""
    lag = times(record, "lag", "long")
    lost = sum(sum(e.classes["long"].total.failed.values()) for e in record.engines)
    return not lost and lag.quantile(99_000) <= LAG_NS


def open_rate(rig: Rig, most: float) -> float:
    """Halve the interval of rates; return the highest that held, 0 for none."""
    low, high = 0.0, most
    for _ in range(STEPS):
        middle = (low + high) / 2
        load: dict[ClassName, ClassLoad] = {
            "long": ClassLoad(connections=OPEN_CONNECTIONS, rate=round(middle))
        }
        held = any(
            keeps_up(rig.trial(SERVER, "echo", load, rig.seconds(1.0, 0.5))) for _ in range(TRIES)
        )
        low, high = (middle, high) if held else (low, middle)
    return low


def measure(rig: Rig) -> list[Finding]:
    """Find all figures, and keep them."""
    window = rig.seconds(2.0, 0.6)
    closed = {n: reached(rig, {"long": ClassLoad(connections=n)}, window) for n in CONNECTIONS}
    rate = open_rate(rig, closed[OPEN_CONNECTIONS].rate)
    short = reached(rig, {"short": ClassLoad(connections=AT_ONCE)}, SHORT_S, **SHORT_PHASES)
    bounds = [f"closed {n}" for n, one in closed.items() if one.bound]
    bounds += ["short"] if short.bound else []
    found = [_told(f"closed, {n} connections", one) for n, one in closed.items()]
    found += [
        shown("open, no lag, nothing unsent", rate, unit="/s"),
        _told(f"short, {AT_ONCE} at a time", short),
        at_least("open over closed", rate / closed[OPEN_CONNECTIONS].rate, LEAST_SHARE),
        at_most("trials disturbed by other programs", len(rig.noise), 0, text=_noise(rig)),
    ]
    if all(one.ok is not False for one in found):
        path = ceilings.write(
            rig.results,
            ceilings.Ceiling(
                host=host.digest(rig.facts),
                found=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
                version=host.code_version(),
                closed={n: one.rate for n, one in closed.items()},
                open=rate,
                short=short.rate,
                bounds=bounds,
            ),
        )
        rig.say(f"kept: {path}")
    return found


def _told(what: str, one: Reached) -> Finding:
    used = f"CPU: engine {one.engine:.0%}, server {one.server:.0%}"
    bound = "; the server gave out first: a lower bound" if one.bound else ""
    return shown(what, one.rate, unit="/s", text=used + bound)


def _noise(rig: Rig) -> str:
    return f"not kept: {rig.noise[0]}" if rig.noise else ""
