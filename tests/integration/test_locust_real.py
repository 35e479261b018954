"""The real load engine against a real server, through Locust: what the fakes cannot show."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from lab.backends import locusts
from lab.errors import TrialFailed
from lab.load import LocustClient
from lab.orders import Order

WORKERS = 2

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    command = [sys.executable, "-m", "servers", "epoll", "--protocol", "echo", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        yield json.loads(server.stdout.readline())["listening"]
        server.terminate()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocustClient]:
    found = locusts.start(WORKERS, log_dir=tmp_path_factory.mktemp("locust"), label="run-r")
    try:
        with closing(found.client()) as client:
            client.start_test()
            yield client
    finally:
        found.stop()


def order(trial: str, port: int) -> Order:
    return Order.model_validate(
        {
            "trial": trial,
            "label": trial,
            "target": ("127.0.0.1", port),
            "protocol": "echo",
            "classes": {
                "long": {"connections": 5, "rate": 400},
                "short": {"connections": 3},
                "idle": {"connections": 11},
            },
            "seed": 1,
            "timing": {"warm_up": 0.1, "window": 0.4, "cool_down": 0.1},
        }
    )


def run_one(client: LocustClient, port: int, trial: str) -> None:
    ready = client.prepare(order(trial, port))
    assert (ready.established["long"], ready.established["idle"]) == (5, 11)
    window = client.go(trial)
    results, count = client.result(trial, 10)
    assert [result.window for result in results] == [window] * WORKERS
    assert count.requests == sum(result.delta_requests for result in results) > 0
    totals = [found.total for result in results for found in result.classes.values()]
    assert count.requests == sum(t.completed + sum(t.failed.values()) for t in totals)
    assert (count.failures, count.workers, count.lost_workers) == (0, WORKERS, 0)
    asked = [result.classes["long"].connections.asked for result in results]
    assert sorted(asked) == [2, 3]  # the engines share the connections out


def test_engines_locust_and_record_count_the_same(client: LocustClient, port: int) -> None:
    for trial in ("first", "second", "first"):
        run_one(client, port, trial)


def test_a_killed_engine_fails_one_trial(client: LocustClient, port: int) -> None:
    engines = client.wait_until_up(5).engines
    client.prepare(order("killed", port))
    client.go("killed")
    os.kill(engines[0], signal.SIGKILL)
    with pytest.raises(TrialFailed, match=r"load engine died \(signal 9\)") as failed:
        client.result("killed", 10)
    assert failed.value.gate == "load-engine"
    client.wait_until_up(5)
    run_one(client, port, "after")


def test_no_server_is_a_census_of_zero(client: LocustClient) -> None:
    ready = client.prepare(order("nobody", 1))  # tcpmux: nobody listens
    assert set(ready.established.values()) == {0}
    client.abort()
