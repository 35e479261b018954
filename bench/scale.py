"""python -m bench.scale [--connections 10000]: what so many silent connections cost one engine.

Memory: the growth of the engine's PSS, divided by the connections; the kernel's own memory for a
socket is in nobody's PSS and comes on top. Time: from the order to the engine's "ready". The server
is `bench.serve` on the other CPU. With --overhead also what a trial takes beside its warm-up and
its window: real trials of a small lab.yaml, by `lab run`. Exit code 1: a goal was missed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.generators import BenchError, serving, start
from lab.proc import parse_pss, read_file

MEMORY_GOAL = 1024  # bytes of PSS per idle connection, at most
CONNECT_GOAL = 3.0  # seconds for 10 000, at most
OVERHEAD_GOAL = 0.6  # seconds beyond warm-up and window, at most
SETTLE = 0.3  # seconds until the engine has reported and is quiet
LAB = """version: 1
profiles: {bench: {looks: [6], warm-up: 0.25 s, window: 0.7 s, cool-down: 0.05 s}}
experiments:
  bench:
    question: How long does a trial take beside its window?
    arms: [select, epoll]
    load: {long: {connections: 4, rate: 1000/s}, idle: {connections: $idle}}
    factors: {idle: [20, 900]}
claims:
  it-runs:
    {kind: compare, sentence: It runs., experiment: bench, metric: cpu, ratio: select / epoll,
     at: {idle: 900}, at-least: 1.1, because: it is a benchmark, profiles: [bench]}
"""


def main():
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--overhead", action="store_true", help="run real trials, too: half a min")
    options = parser.parse_args()
    cpus = sorted(os.sched_getaffinity(0))
    try:
        rounds = [silent(cpus, options.connections) for _ in range(options.rounds)]
        overheads = overhead() if options.overhead else []
    except BenchError as error:
        sys.exit(f"bench: {error}")
    per = CONNECT_GOAL * options.connections / 10_000
    lines = [
        ("memory per idle connection", [m for m, _ in rounds], MEMORY_GOAL, "bytes"),
        (f"{options.connections} connections in", [s for _, s in rounds], per, "s"),
    ]
    if overheads:
        lines.append(("trial beside warm-up and window", overheads, OVERHEAD_GOAL, "s"))
    met = [show(*line) for line in lines]  # all are shown
    sys.exit(0 if all(met) else 1)


def show(what, values, goal, unit):
    """Print one figure in the way of `python -m bench`; returns whether the goal was met."""
    found = statistics.median(values)
    met = found <= goal
    digits = 0 if unit == "bytes" else 2
    print(
        f"{what:<32} {found:.{digits}f} {unit} ({min(values):.{digits}f} to "
        f"{max(values):.{digits}f}, n={len(values)}); goal <= {goal:g}: "
        f"{'met' if met else 'missed'}, by {abs(found - goal):.{digits}f}"
    )
    return met


def silent(cpus, connections):
    """One engine and so many silent connections: (bytes of PSS each, seconds to connect all)."""
    with serving(cpus[0], "echo") as server:
        order = {
            "trial": "scale",
            "target": ["127.0.0.1", server.port],
            "protocol": "echo",
            "classes": {"idle": {"connections": 1}},
            "seed": 1,
            "timing": {"warm_up": 0.1, "window": 0.2, "cool_down": 0.1},
            "cpu": cpus[-1],
        }
        engine = start(cpus[-1], sys.executable, "-m", "loadtests.engine", stdin=subprocess.PIPE)
        with engine:
            converse(engine, {"prepare": order}, "ready")  # so that all is imported and made once
            before = pss(engine.pid)
            converse(engine, {"abort": "scale"}, "aborted")
            order["classes"]["idle"]["connections"] = connections
            began = time.monotonic()
            ready = converse(engine, {"prepare": order}, "ready")
            took = time.monotonic() - began
            if ready["established"] != {"idle": connections}:
                raise BenchError(f"not all are established: {ready}")
            time.sleep(SETTLE)
            after = pss(engine.pid)
            engine.stdin.close()
    return (after - before) / connections, took


def converse(engine, command, last):
    engine.stdin.write(json.dumps(command) + "\n")
    engine.stdin.flush()
    event = {"event": ""}
    while event["event"] != last:
        event = json.loads(engine.stdout.readline())
        if event["event"] == "failed":
            raise BenchError(event["error"])
    return event


def pss(pid):
    return parse_pss(read_file(f"/proc/{pid}/smaps_rollup"))


def overhead():
    """Seconds of each trial of a small run that were neither warm-up nor window."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lab.yaml")
        path.write_text(LAB)
        command = ["run", "--lab", path, "--profile", "bench", "--results", folder]
        done = subprocess.run(
            [sys.executable, "-m", "lab", *map(str, command)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"lab run ended with {done.returncode}: {done.stderr[-300:]}")
        lines = Path(folder, "last", "trials.jsonl").read_text().splitlines()
        return [json.loads(line)["overhead_s"] for line in lines]


if __name__ == "__main__":
    main()
