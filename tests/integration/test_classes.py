"""All connection classes at once, through Locust and two workers, against a real server."""

import json
import subprocess
import sys
from contextlib import closing

import pytest

from lab.backends import locusts
from lab.orders import Order

WORKERS = 2
CLASSES = {
    "long": {"connections": 4, "rate": 200, "requests": 5, "ends": "abandon"},
    "short": {"connections": 20, "rate": 100, "ends": "reset"},
    "idle": {"connections": 5},
    "slow-sender": {"connections": 4, "piece": 8, "every_s": 0.005},
    "slow-reader": {"connections": 4, "piece": 8192, "every_s": 0.002, "path": "/bytes/200000"},
    "never-finishing": {"connections": 5},
    "churn": {"connections": 6, "rate": 100},
    "storm": {"connections": 21, "at_s": 0.2},
    "victim": {"connections": 10, "rate": 100},
}
FLEETING = ("short", "storm")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def port():
    command = [sys.executable, "-m", "servers", "epoll", "--protocol", "http", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as server:
        yield json.loads(server.stdout.readline())["listening"]
        server.terminate()


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    found = locusts.start(WORKERS, log_dir=tmp_path_factory.mktemp("locust"), label="run-c")
    try:
        with closing(found.client()) as client:
            assert client.start_test().users == len(CLASSES)  # a token for each
            yield client
    finally:
        found.stop()


def test_a_trial_of_all_classes_counts_each_to_the_request(client, port):
    made = Order.model_validate(
        {
            "trial": "all",
            "label": "all",
            "target": ("127.0.0.1", port),
            "protocol": "http",
            "classes": CLASSES,
            "seed": 1,
            "timing": {"warm_up": 0.1, "window": 0.5, "cool_down": 0.1},
        }
    )
    ready = client.prepare(made)
    held = {n: one["connections"] for n, one in CLASSES.items() if n not in FLEETING}
    assert ready.established == held
    client.go("all")
    results, count = client.result("all", 10)
    totals = {name: [result.classes[name].total for result in results] for name in CLASSES}
    fates = {
        name: sum(t.completed + t.abandoned + sum(t.failed.values()) for t in parts)
        for name, parts in totals.items()
    }
    assert {name: sum(t.scheduled for t in parts) for name, parts in totals.items()} == fates
    assert not [name for name, parts in totals.items() if any(part.failed for part in parts)]
    assert count.requests == sum(fates.values())
    assert (count.failures, count.lost_workers) == (0, 0)
    assert sum(part.abandoned for part in totals["long"]) == fates["long"] // 5
    assert (fates["storm"], fates["victim"]) == (21, 70)
    churned = sum(result.classes["churn"].connections.replaced for result in results)
    assert churned == 50
