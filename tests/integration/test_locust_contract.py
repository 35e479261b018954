"""What we take from Locust without its promise, checked in an own process: Locust patches it."""

import json
import subprocess
import sys

import pytest

from loadtests.engine.classes import NAMES

pytestmark = pytest.mark.slow

SCRIPT = """
import csv, io, json, time
import locust.stats
from locust.runners import STATE_MISSING, MasterRunner, WorkerNode, WorkerNodes, WorkerRunner
from loadtests import handover, users

locust.stats.bucket_response_time = handover.bucket
stats = locust.stats.RequestStats()
delta = {"counts": {"37": 2, "1234": 1}, "failed": {"reset": 3, "wrong": 0}, "bytes_received": 70}
handover.merge(stats, "long", "arm", delta, (10.0, 11.5))
handover.merge(stats, "idle", "arm", {"counts": {}, "failed": {}}, (10.0, 11.5))
handover.merge(stats, "short", "arm", {"counts": {"5": 4}}, (11.5, 12.0))

master = locust.stats.RequestStats()
class Hook:
    def __init__(self): self.listeners = []
    def add_listener(self, listener): self.listeners.append(listener)
class Events:
    report_to_master, worker_report = Hook(), Hook()
data = {}
locust.stats.setup_distributed_stats_event_listeners(Events, stats)
Events.report_to_master.listeners[0]("w", data)
Events.worker_report.listeners.clear()
locust.stats.setup_distributed_stats_event_listeners(Events, master)
Events.worker_report.listeners[0]("w", data)
entry, error = master.get("arm", "long"), next(iter(master.errors.values()))

class Runner:
    clients = WorkerNodes()
    get_worker_index = {"b": 0, "a": 1, "c": 2}.__getitem__
for name in "abc":
    Runner.clients[name] = WorkerNode(name)
Runner.clients["c"].state = STATE_MISSING

class Environment: pass
environment = Environment()
environment.stats, environment.runner = master, None
environment.parsed_options = None
import os, tempfile
writer = locust.stats.StatsCSVFileWriter(environment, [0.5], tempfile.mkdtemp() + "/x")
order = []
handover.hold_csv(writer, lambda: order.append("waited"))
rows = []
class Rows:
    def writerow(self, row): rows.append(list(row))
writer._requests_data_rows(Rows())
handover.finish_csv(writer)
with open(writer.requests_csv_filehandle.name) as f:
    written = len(f.readlines())
writer.close_files()

print(json.dumps({
    "gained": handover.gained(master, "arm"),
    "left on the worker": handover.gained(stats, "arm"),
    "entry": [entry.num_requests, entry.num_failures, entry.min_response_time,
              entry.max_response_time, round(entry.avg_response_time, 3),
              entry.total_content_length],
    "times": sorted(entry.response_times.items()),
    "total": [master.total.num_requests, master.total.num_failures],
    "error": [error.error, error.occurrences, error.first_seen, error.last_seen],
    "connected": list(handover.connected(Runner).items()),
    "rows": len(rows), "order": order, "written": written,
    "private": [hasattr(WorkerRunner, "_send_stats"), hasattr(MasterRunner, "get_worker_index")],
    "tokens": {name: token.fixed_count for name, token in users.TOKENS.items()},
}))
"""


@pytest.fixture(scope="module")
def seen() -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("what", "wanted"),
    [
        ("gained", [10, 3]),  # 3 + 3 failed + 4
        ("left on the worker", [0, 0]),
        ("entry", [6, 3, 0.037, 1.234, 0.436, 70]),  # failures enter no average
        ("times", [[0.037, 2], [1.2, 1]]),
        ("total", [10, 3]),
        ("error", ["reset", 3, 10.0, 11.5]),
        ("connected", [["b", 0], ["a", 1]]),
        ("rows", 3),  # long, short, total: an idle class makes no row
        ("order", ["waited"]),
        ("written", 4),
        ("private", [True, True]),
        ("tokens", dict.fromkeys(NAMES, 1)),
    ],
)
def test_locust_still_does(seen: dict[str, object], what: str, wanted: object) -> None:
    assert seen[what] == wanted
