"""Every program in a small form: constants that take a tenth of the time."""

import json
import subprocess
import sys

SMALL = {
    "accept-herd": {"CLIENTS": 20},
    "creation": {"TRIES": 1, "HELD": 1 << 20},
    "et-starves": {"FLOOD_S": 0.3},
    "frevib-uring": {"CLIENTS": (1, 8), "SECONDS": 0.05, "ROUNDS": 1},
    "gammo-2004": {"ROUNDS": 1},
    "gil-5ms": {"REQUESTS": 10, "BUSY_SHARE": 0.01},
    "io-beside-cpu": {"REQUESTS": 10, "BUSY_SHARE": 0.01},
    "io-switch": {"ROUNDS": 1, "WAIT_S": 0.01, "COMPUTE_S": 0.01},
    "libevent-bench": {"ROUNDS": 1, "WRITES": 400},
    "more-cpus": {"ROUNDS": 1, "STEPS": 1000},
    "multi-accept": {"SECONDS": 0.05, "ROUNDS": 1},
    "poll-select": {"ROUNDS": 1, "CALLS": 20},
    "ready-thread": {"WINDOW_S": 0.1},
    "select-copy": {"ROUNDS": 3, "CALLS": 20},
    "serving-cpus": {"SECONDS": 0.1},
    "switch-no-io": {"ROUNDS": 1, "STEPS": 1000},
    "switching": {"ROUNDS": 1, "SWITCHES": 100},
    "sync-blocks": {"ROUNDS": 2},
    "threads-processes": {"ROUNDS": 1, "WAITS": 8, "COMPUTATIONS": 10},
    "timeouts-reorder": {"SECONDS": 0.05, "ROUNDS": 1},
    "tlpi-63": {"SIZES": (10, 20, 30), "WAITS": (10, 10, 10), "TRIES": 1},
    "unp-30": {"CLIENTS": 400},
    "vmbench-2016": {"SECONDS": 0.05, "ROUNDS": 1},
    "worker-count": {"SECONDS": 0.3},
    "wrk2-co": {"STALL_S": 0.2, "QUIET_S": 0.2, "WINDOW_S": 0.6, "BEFORE_S": 0.2},
}
CROWDED = {
    "accept-herd",
    "more-cpus",
    "serving-cpus",
    "threads-processes",
    "worker-count",
}  # these want 3 CPUs

CODE = """
import json, os, sys
from lab.replications import Absent, find
from lab.replications._kit import Load
program, changes, cpus = find(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
for name, value in changes.items():
    assert hasattr(program, name), name
    setattr(program, name, tuple(value) if isinstance(value, list) else value)
if hasattr(program, "LOAD"):
    program.LOAD = program.LOAD._replace(seconds=0.1)
if hasattr(program, "ONE_TRY"):
    program.ONE_TRY = program.ONE_TRY._replace(requests=20)
if cpus:
    os.sched_setaffinity(0, cpus)
try:
    table = program.measured(3 * sorted(os.sched_getaffinity(0))) if not cpus and hasattr(
        program, "measured") else program.measure()
    print(json.dumps({"table": table}))
except Absent as missing:
    print(json.dumps({"skipped": str(missing)}))
"""


def run(name, cpus=()):
    """Run a program in a process of its own, where it may have less CPUs than it wants.

    cpus: where; without, one that wants three takes what there is, several times over.
    """
    words = [sys.executable, "-c", CODE, name, json.dumps(SMALL[name]), json.dumps(list(cpus))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
