"""One measurement of each generator against a fresh server: the same figures from all of them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtests.engine.histogram import Histogram

ROOT = Path(__file__).parent.parent
WARM_UP = 0.3  # seconds


class BenchError(Exception):
    """Something did not run as it should; one line."""


@dataclass
class Figures:
    """us: microseconds of CPU per completed request.

    Of the engine only: lag is its own delay in an open workload, behind the time that a reply lay
    in the kernel before it was read, both in us; dropped: requests scheduled and never sent.
    """

    generator_us: float
    server_us: float
    rate: float
    events_per_wake: float
    lag_p50: float = 0.0
    lag_p99: float = 0.0
    behind_p50: float = 0.0
    behind_p99: float = 0.0
    dropped: int = 0


def process_clock(pid):
    """CPU ns of another process, all threads; clock_getcpuclockid(3)."""
    return time.clock_gettime_ns(((~pid) << 3) | 2)


def start(cpu, *command, **options):
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)
    os.sched_setaffinity(process.pid, {cpu})
    return process


class Server:
    """A running bench.serve; `report` after it has ended."""

    def __init__(self, cpu, protocol):
        self.process = start(cpu, sys.executable, "-m", "bench.serve", protocol)
        self.port = int(self.process.stdout.readline())
        self.began = process_clock(self.process.pid)

    def stop(self):
        self.cpu_ns = process_clock(self.process.pid) - self.began
        self.process.send_signal(signal.SIGTERM)
        counts = json.loads(self.process.communicate(timeout=10)[0])
        self.events_per_wake = counts["events"] / max(1, counts["waits"])


@contextmanager
def serving(cpu, protocol):
    server = Server(cpu, protocol)
    try:
        yield server
        server.stop()
    finally:
        server.process.kill()
        server.process.wait()


def engine(cpus, protocol, connections, seconds, core="compiled", rate=0.0):
    """rate: of an open workload, requests per second; 0: closed, no think time."""
    with serving(cpus[0], "echo" if protocol == "echo" else "http") as server:
        order = {
            "trial": "bench",
            "target": ["127.0.0.1", server.port],
            "protocol": protocol,
            "classes": {"long": {"connections": connections, "rate": rate}},
            "seed": 1,
            "timing": {"warm_up": WARM_UP, "window": seconds, "cool_down": 0.1},
            "cpu": cpus[1],
        }
        result = converse(cpus[1], order, core)
    total, window = (result["classes"]["long"][part] for part in ("total", "window"))
    failed = dict(total["failed"])
    dropped = failed.pop("unsent", 0)
    if failed:
        raise BenchError(f"the engine saw failures: {failed}")
    if result["core"] != core:
        raise BenchError(f"the engine ran its {result['core']} core: make setup builds the other")
    lag, behind = (Histogram.from_json(window[name]) for name in ("lag", "behind"))
    return Figures(
        result["cpu_ns"] / window["completed"] / 1000,
        server.cpu_ns / total["completed"] / 1000,
        window["completed"] / seconds,
        server.events_per_wake,
        lag.quantile(50_000) / 1000,
        lag.quantile(99_000) / 1000,
        behind.quantile(50_000) / 1000,
        behind.quantile(99_000) / 1000,
        dropped,
    )


def half(cpus, protocol, connections, seconds, core="compiled"):
    """Open, at half of the rate that the same core reaches closed."""
    ceiling = engine(cpus, protocol, connections, seconds / 2, core).rate
    return engine(cpus, protocol, connections, seconds, core, ceiling / 2)


def converse(cpu, order, core):
    command = (sys.executable, "-m", "bench.engine")
    core = os.environ | {"LAB_ENGINE_CORE": core}
    process = start(cpu, *command, stdin=subprocess.PIPE, env=core)
    with process:
        for command, last in (({"prepare": order}, "ready"), ({"go": "bench"}, "done")):
            process.stdin.write(json.dumps(command) + "\n")
            process.stdin.flush()
            event = {"event": ""}
            while event["event"] != last:
                event = json.loads(process.stdout.readline())
                if event["event"] == "failed":
                    raise BenchError(event["error"])
        process.stdin.close()
        return event["result"]


def wrk(cpus, connections, seconds):
    """Wrk counts whole seconds only, and reads its CPU time from the kernel at its end."""
    with serving(cpus[0], "http") as server:
        url = f"http://127.0.0.1:{server.port}/"
        command = ("wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", url)
        process = start(cpus[1], *command)
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
    found = re.search(r"(\d+) requests in ([\d.]+)s", text)
    if not found or "Socket errors" in text or "Non-2xx" in text:
        raise BenchError(f"wrk failed: {' '.join(text.split())}")
    requests = int(found[1])
    return Figures(
        (usage.ru_utime + usage.ru_stime) / requests * 1e6,
        server.cpu_ns / requests / 1000,
        requests / float(found[2]),
        server.events_per_wake,
    )


def locust(cpus, protocol, connections, seconds):
    file, scheme = {"echo": ("locust_tcp", ""), "http": ("locust_fasthttp", "http://")}[protocol]
    with serving(cpus[0], protocol) as server:
        command = f"-m locust --headless -u {connections} -r {connections} --only-summary"
        process = start(
            cpus[1],
            sys.executable,
            *command.split(),
            *("-f", f"bench/{file}.py", "--host", f"{scheme}127.0.0.1:{server.port}"),
            env=os.environ | {"BENCH_SECONDS": str(seconds), "PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
        )
        text, _ = process.communicate(timeout=60 + seconds)
    lines = [line for line in text.splitlines() if line.startswith('{"cpu_ns"')]
    if not lines:
        raise BenchError(f"locust ended with {process.returncode} and no figures")
    seen = json.loads(lines[0])
    if seen["failed"]:
        raise BenchError(f"{seen['failed']} requests of locust failed")
    return Figures(
        seen["cpu_ns"] / seen["completed"] / 1000,
        server.cpu_ns / seen["total"] / 1000,
        seen["completed"] / seconds,
        server.events_per_wake,
    )
