"""Trials through a Locust master and two workers; the load engines are fakes with known counts."""

import http.client
import json
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.backends import locusts
from lab.errors import EnvironmentUnfit, TrialFailed
from lab.load import LocustClient
from lab.orders import Order

FAKE = Path(__file__).parent / "fake_engine.py"
ORACLE = runpy.run_path(str(FAKE))
WORKERS = 2

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[locusts.Locusts]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_ENGINE_COMMAND", f"{sys.executable} {FAKE}")
        found = locusts.start(WORKERS, log_dir=tmp_path_factory.mktemp("locust"), label="run-t")
    yield found
    found.stop()


@pytest.fixture
def client(running: locusts.Locusts) -> Iterator[LocustClient]:
    found = running.client()
    found.start_test()
    yield found
    found.abort()
    found.close()


def order(trial: str, seed: int = 0, how: str = "echo", window: float = 0.02) -> Order:
    return Order.model_validate(
        {
            "trial": trial,
            "label": f"arm {trial.partition('#')[0]}",
            "target": ("127.0.0.1", 9),
            "protocol": how,
            "classes": {"long": {"connections": 4}, "idle": {"connections": 9}},
            "seed": seed,
            "timing": {"warm_up": 0.01, "window": window, "cool_down": 0},
        }
    )


def runs_well(client: LocustClient, trial: str, seed: int) -> None:
    """One trial, everything counted: engines' sum = Locust's gain = what the fakes claim."""
    wanted = order(trial, seed)
    ready = client.prepare(wanted)
    assert ready.established == {"long": 4 * WORKERS, "idle": 9 * WORKERS}
    window = client.go(trial)
    results, count = client.result(trial, 5)
    failed = WORKERS * ORACLE["failures"](seed)
    claimed = sum(ORACLE["requests"](seed, share) for share in range(WORKERS)) + failed
    assert sum(result.delta_requests for result in results) == claimed
    assert (count.requests, count.failures) == (claimed, failed)
    assert (count.workers, count.lost_workers) == (WORKERS, 0)
    assert [result.window for result in results] == [window] * WORKERS
    assert sum(result.classes["long"].total.completed for result in results) == claimed - failed


def test_counts_are_equal_trial_after_trial(client: LocustClient) -> None:
    for seed in range(6):
        runs_well(client, f"same#{seed % 3}", seed)  # one label: each trial counts only its own


def test_the_web_page_and_the_record_count_the_same(client: LocustClient) -> None:
    runs_well(client, "page=1,x=2", 3)
    deadline = time.monotonic() + 5  # Locust caches /stats/requests for 2 s
    rows: list[dict[str, object]] = []
    while not rows and time.monotonic() < deadline:
        _, body = client._request("GET", "/stats/requests")
        stats = json.loads(body)["stats"]
        rows = [row for row in stats if row["name"] == "arm page=1,x=2"]
    (row,) = rows
    assert row["method"] == "long"
    assert row["num_requests"] == 2 * 1003 + 7 + 2 * 3
    assert row["num_failures"] == 6
    assert 0.64 < float(str(row["avg_response_time"])) < 0.66
    assert row["median_response_time"] == 1.2  # Locust's own rounding makes it 1


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("die", r"load engine died \(signal 9\)"),
        ("garbage", r"load engine died \(signal 9\)"),  # unreadable: its worker kills it
        ("refuse", "no such protocol"),
        ("hang", "not done in time"),
        ("deaf", "not done in time"),
    ],
)
def test_a_bad_engine_fails_its_trial_and_no_other(
    client: LocustClient, how: str, why: str
) -> None:

    def attempt() -> None:
        client.prepare(order("bad", how=how))
        client.go("bad")
        client.result("bad", 0.3)

    with pytest.raises(TrialFailed, match=why) as failed:
        attempt()
    assert failed.value.gate == "load-engine"
    client.wait_until_up(5)
    runs_well(client, "bad", 1)  # the same trial, second attempt


def test_a_delta_behind_the_last_word_counts_for_nobody(client: LocustClient) -> None:
    client.prepare(order("late", seed=5, how="late"))
    client.go("late")
    _, count = client.result("late", 5)
    assert count.requests == 2 * 1005 + 7
    runs_well(client, "late", 6)  # the same label


def test_an_engine_killed_between_trials_is_replaced(client: LocustClient) -> None:
    before = client.wait_until_up(5).engines
    os.kill(before[0], signal.SIGKILL)
    deadline = time.monotonic() + 5
    while (now := client.wait_until_up(5).engines) == before and time.monotonic() < deadline:
        pass
    assert (now[0] == before[0], now[1] == before[1]) == (False, True)
    runs_well(client, "after", 2)


def test_one_trial_at_a_time(client: LocustClient, running: locusts.Locusts) -> None:
    other = running.client()
    client.prepare(order("first"))
    with pytest.raises(TrialFailed, match="trial first is ready") as failed:
        other.prepare(order("second"))
    assert failed.value.gate == "load-engine"
    other.close()
    client.abort()
    with pytest.raises(TrialFailed, match="aborted by the lab"):
        client.go("first")


def test_a_long_poll_answers_when_it_happens(
    client: LocustClient, running: locusts.Locusts
) -> None:
    client.prepare(order("poll", how="hang"))
    client.go("poll")
    done: list[float] = []
    other = running.client()

    def wait() -> None:
        other._request("GET", "/lab/trials/poll?state=done&wait=20", wait=20)
        done.append(time.monotonic())

    waiting = threading.Thread(target=wait)
    waiting.start()
    began = time.monotonic()
    client.abort()
    waiting.join(10)
    other.close()
    assert done[0] - began < 2


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "why"),
    [
        ("POST", "/lab/trials", "{", http.client.BAD_REQUEST, "Invalid JSON"),
        ("POST", "/lab/trials", "{}", http.client.BAD_REQUEST, "trial: Field required"),
        ("POST", "/lab/trials/none/go", "{}", http.client.NOT_FOUND, "no trial none"),
        ("POST", "/lab/trials/none/abort", "{}", http.client.NOT_FOUND, "no trial none"),
        ("GET", "/lab/trials/none", None, http.client.NOT_FOUND, "no trial none"),
    ],
)
def test_what_cannot_be_is_said(
    client: LocustClient, method: str, path: str, body: str | None, status: int, why: str
) -> None:
    got, text = client._request(method, path, body.encode() if body else None)
    assert got == status
    assert why in json.loads(text)["error"]


def test_a_wrong_token_changes_nothing(client: LocustClient, running: locusts.Locusts) -> None:
    stranger = LocustClient(running.url, "guessed")
    with pytest.raises(EnvironmentUnfit, match="X-Lab-Token"):
        stranger.prepare(order("stranger"))
    assert stranger.state().trial != "stranger"
    stranger.close()


def test_the_locust_page_is_whole(client: LocustClient) -> None:
    status, body = client._request("GET", "/")
    assert status == http.client.OK
    assert b"LongToken" in body
