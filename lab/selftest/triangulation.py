"""Three generators, one server: do they see the same CPU per request?

The load engine, a plain Locust user and wrk (where it is installed) ask the lab's epoll server for
the same bytes. None of them has the same reins: wrk knows no rate, so it is met by the engine on
its own terms, one connection that never pauses. The Locust user is the slowest: the engine is given
the rate that it reached, on as many connections. Server's CPU per request is to agree within the
band in which the engine agrees with itself (A/A), 10 % at least.

Where it does not, there must be a reason that was measured as well: how often the server went to
sleep per request. A generator that sends in bursts wakes it less often, and each request is cheaper
for it. Without such a reason the test fails.
"""

import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.backends.contract import StartOptions, Target
from lab.backends.leftovers import LABEL
from lab.backends.process import ProcessBackend
from lab.errors import TrialFailed
from lab.measure import cpu_ns, switches, throughput
from lab.model import ClassLoad
from lab.selftest.finding import Finding, at_most, shown, within
from lab.selftest.rig import Rig

SERVER, PATH = "epoll", "/bytes/64"
USERS = 4
MOST_BAND = 0.30  # a machine on which the engine differs more from itself decides nothing
LEAST_BAND = 0.10  # no narrower, however well two runs of the engine agree by accident
LOCUSTFILE = Path(__file__).parent / "programs" / "plain_user.py"
PATIENCE_S = 30.0  # for a generator to end by itself, beyond what it was told
US = 1_000
RATE_SHARE = 0.99  # of what Locust reached: an open load must not wait for connections


@dataclass(frozen=True)
class Seen:
    """cpu_us: of the server, per request. sleeps: context switches of it, per request."""

    cpu_us: float
    sleeps: float
    rate: float


def engine(rig: Rig, connections: int, rate: float = 0.0) -> Seen:
    """Measure with the load engine; rate 0: it never pauses."""
    record = rig.trial(
        SERVER,
        "http",
        {"long": ClassLoad(connections=connections, rate=rate, path=PATH, payload=0)},
        rig.seconds(2.0, 1.0),
    )
    return Seen(cpu_ns(record) / US, switches(record), throughput(record))


def metered(rig: Rig, generate: Callable[[str, int, float], tuple[int, float]]) -> Seen:
    """Measure with a program: told host, port and seconds, it returns requests and seconds."""
    backend, place = ProcessBackend(), rig.place
    options = StartOptions(cpu=place.server, label=rig.label)
    with backend.start(SERVER, "http", options) as target:
        target.verify("http")
        cpu, slept = _look(target)
        requests, took = generate(*target.address, rig.seconds(2.0, 1.0))
        cpu_after, slept_after = _look(target)
    if not requests:
        raise TrialFailed("trial-broke", "a generator completed no request")
    return Seen(
        (cpu_after - cpu) / requests / US, (slept_after - slept) / requests, requests / took
    )


def _look(target: Target) -> tuple[int, int]:
    footprint = target.meter.footprint()
    return target.meter.read().cpu_ns, footprint.voluntary + footprint.involuntary


def run(rig: Rig, command: Sequence[str], seconds: float, **env: str) -> str:
    """Run a generator on the engine's CPU; return what it printed. Raises TrialFailed."""
    with subprocess.Popen(
        ["taskset", "-c", str(rig.place.engine), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, LABEL: rig.label, **env},
    ) as process:
        try:
            return process.communicate(timeout=seconds + PATIENCE_S)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            raise TrialFailed("load-engine", f"{command[0]} does not end") from None


def wrk(rig: Rig) -> Seen:
    """Measure with wrk, one connection. It counts whole seconds."""

    def generate(host: str, port: int, seconds: float) -> tuple[int, float]:
        whole = max(1, round(seconds))
        text = run(rig, ["wrk", "-t1", "-c1", f"-d{whole}s", f"http://{host}:{port}{PATH}"], whole)
        found = re.search(r"(\d+) requests in ([\d.]+)s", text)
        if not found or "Socket errors" in text or "Non-2xx" in text:
            raise TrialFailed("errors", f"wrk: {' '.join(text.split())}")
        return int(found[1]), float(found[2])

    return metered(rig, generate)


def locust(rig: Rig) -> Seen:
    """Measure with plain Locust users that never pause."""

    def generate(host: str, port: int, seconds: float) -> tuple[int, float]:
        words = f"-m locust --headless -u {USERS} -r {USERS} --only-summary -f {LOCUSTFILE}"
        command = [sys.executable, *words.split(), "--host", f"{host}:{port}"]
        text = run(rig, command, seconds, LAB_PLAIN_SECONDS=str(seconds))
        lines = [line for line in text.splitlines() if line.startswith('{"completed"')]
        seen = json.loads(lines[0]) if lines else {"completed": 0, "failed": 0}
        if seen["failed"]:
            raise TrialFailed("errors", f"{seen['failed']} requests of Locust failed")
        return int(seen["completed"]), seconds

    return metered(rig, generate)


def measure(rig: Rig) -> list[Finding]:
    """Interleave them, so that a machine which slows down slows all."""
    rounds = 2 if rig.quick else 3
    there = shutil.which("wrk") is not None
    closed, by_wrk, paced, by_locust = [], [], [], []
    for _ in range(rounds):
        closed.append(engine(rig, 1))
        if there:
            by_wrk.append(wrk(rig))
        by_locust.append(locust(rig))
        paced.append(engine(rig, USERS, by_locust[-1].rate * RATE_SHARE))
        closed.append(engine(rig, 1))
    own = band(closed, paced)
    found = [at_most("the engine over itself, A/A band", own, MOST_BAND)]
    found += judge("Locust user over engine, same rate", by_locust, paced, own)
    if not there:
        return [*found, shown("wrk", 0, text="it is not installed: no comparison with it")]
    return found + judge("wrk over engine, 1 connection", by_wrk, closed, own)


def band(*same: Sequence[Seen]) -> float:
    """Return how far the engine is off from itself: the largest of the ratios, less 1."""
    ratios = [max(s.cpu_us for s in each) / min(s.cpu_us for s in each) for each in same]
    return max(LEAST_BAND, *(ratio - 1 for ratio in ratios))


def judge(what: str, other: Sequence[Seen], own: Sequence[Seen], tolerance: float) -> list[Finding]:
    """Compare medians; a difference needs a reason."""
    cpu, sleeps, rate = (
        (_median(other, name), _median(own, name)) for name in ("cpu_us", "sleeps", "rate")
    )
    ratio = cpu[0] / cpu[1]
    text = (
        f"{cpu[0]:.2f} and {cpu[1]:.2f} us of the server at {rate[0]:.0f} and {rate[1]:.0f}/s, "
        f"which slept {sleeps[0]:.2f} and {sleeps[1]:.2f} times per request"
    )
    judged = within(what, ratio, 1.0, tolerance, text=text)
    apart = abs(math.log(max(sleeps[0], 1e-9) / max(sleeps[1], 1e-9)))
    if judged.ok or apart <= math.log1p(tolerance):
        return [judged]
    return [shown(what, ratio, 1.0, text=f"explained by the wakes: {text}")]


def _median(seen: Sequence[Seen], name: str) -> float:
    values: list[float] = [getattr(one, name) for one in seen]
    return statistics.median(values)
