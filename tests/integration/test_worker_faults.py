"""What a worker or an engine does wrong makes the trial void by its gate, never quietly smaller.

Real engines, a real server, three workers; the trials go through the seam that the lab uses.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lab import gates
from lab.backends import locusts
from lab.errors import TrialFailed
from lab.measure import merged
from lab.model import Cell, ClassLoad
from lab.orders import Order
from lab.record import EngineResult, LocustCount
from lab.stage import StandingLoad
from tests.lab import records as r

WORKERS = 3
PATIENCE_S = 15.0  # Locust needs 4 s to miss a worker

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    command = [sys.executable, "-m", "servers", "epoll", "--protocol", "echo", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        yield json.loads(server.stdout.readline())["listening"]
        server.terminate()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[locusts.Locusts]:
    found = locusts.start(WORKERS, log_dir=tmp_path_factory.mktemp("locust"), label="run-f")
    yield found
    found.stop()


class Rig:
    """A standing load, as `lab run` has it, and the orders for it."""

    def __init__(self, running: locusts.Locusts, port: int) -> None:
        self.running, self.port = running, port
        self.client = running.client()
        self.client.start_test()
        self.load = StandingLoad(running, self.client)

    def order(self, trial: str, window: float = 0.4, **classes: dict[str, float]) -> Order:
        given = classes or {
            "long": {"connections": 7, "rate": 900},
            "short": {"connections": 5, "rate": 300},
            "idle": {"connections": 20},
        }
        return Order.model_validate(
            {
                "trial": trial,
                "label": trial,
                "target": ("127.0.0.1", self.port),
                "protocol": "echo",
                "classes": given,
                "seed": 1,
                "timing": {"warm_up": 0.1, "window": window, "cool_down": 0.1},
                "hold": 10.0,
            }
        )

    def run(self, order: Order) -> tuple[list[EngineResult], LocustCount]:
        self.load.prepare(order)
        _, end = self.load.go(order.trial)
        wait_until(end)
        self.load.release(order.trial)
        return self.load.result(order.trial, PATIENCE_S)

    def works(self, workers: int = WORKERS) -> None:
        """A whole trial, with nothing lost and nothing counted twice."""
        order = self.order("afterwards")
        results, count = self.run(order)
        assert len(results) == workers
        assert voided(order, results, count) == []

    def worker(self, number: int) -> int:
        return self.running.pids[number]


@pytest.fixture
def rig(running: locusts.Locusts, port: int) -> Iterator[Rig]:
    made = Rig(running, port)
    with closing(made.client):
        yield made
        made.client.abort()


def wait_until(at_ns: int) -> None:
    time.sleep(max(0.0, (at_ns - time.monotonic_ns()) / 1e9))


def voided(order: Order, results: list[EngineResult], count: LocustCount) -> list[str]:
    """Which of the gates on loss the trial trips, as the lab would judge it."""
    load = {name: ClassLoad.model_validate(load) for name, load in order.classes.items()}
    cell: Cell = r.cell(load=load)
    record = r.record(engines=results, locust=count, cpus=(-1, -1), meter=None)
    loss = {"conservation", "census", "load-engine", "engine-stalled", "ports"}
    return [name for name in gates.voids(gates.check(record, cell)) if name in loss]


def test_three_workers_are_an_exact_sum(rig: Rig) -> None:
    """1200/s for 0.6 s in all: every count is the same, whoever is asked."""
    order = rig.order("sums")
    results, count = rig.run(order)
    classes = [found for result in results for found in result.classes.values()]
    completed = sum(found.total.completed for found in classes)
    assert completed == count.requests == sum(one.delta_requests for one in results) == 720
    assert (count.failures, count.workers, count.lost_workers) == (0, WORKERS, 0)
    assert voided(order, results, count) == []
    record = r.record(engines=results)
    for name, rate in (("long", 900), ("short", 300)):
        window = [result.classes[name].window for result in results]
        for measure in ("response", "service", "lag", "first_byte"):
            histogram = merged(record, measure, (name,))
            assert histogram.count == sum(one.completed for one in window)
            assert histogram.buckets.total() == histogram.count
            assert histogram.sum == sum(getattr(one, measure).sum for one in window)
        assert abs(sum(one.completed for one in window) - rate * 0.4) <= 3
    held = [result.classes["idle"].connections for result in results]
    assert sorted(one.asked for one in held) == [6, 7, 7]
    assert sum(one.held_at_start for one in held) == sum(one.held_at_end for one in held) == 20


def fault_in_prepare(rig: Rig, order: Order, strike: Callable[[], None]) -> None:
    strike()
    rig.load.prepare(order)


def fault_in_the_window(rig: Rig, order: Order, strike: Callable[[], None]) -> None:
    rig.load.prepare(order)
    start, _ = rig.load.go(order.trial)
    wait_until(start)
    strike()
    rig.load.result(order.trial, PATIENCE_S)


def fault_in_the_hand_over(rig: Rig, order: Order, strike: Callable[[], None]) -> None:
    """Behind the window all hold their results until they are released."""
    rig.load.prepare(order)
    _, end = rig.load.go(order.trial)
    wait_until(end + 200_000_000)
    strike()
    rig.load.release(order.trial)
    rig.load.result(order.trial, PATIENCE_S)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("phase", [fault_in_prepare, fault_in_the_window, fault_in_the_hand_over])
def test_a_worker_that_dies_or_hangs_voids_its_trial_and_no_other(
    rig: Rig, phase: Callable[..., None], number: signal.Signals
) -> None:
    with pytest.raises(TrialFailed) as failed:
        phase(rig, rig.order("lost"), lambda: os.kill(rig.worker(2), number))
    assert failed.value.gate == "conservation"
    rig.load.abort()
    rig.works()


def test_a_worker_that_was_away_and_is_back_is_in_no_old_trial(rig: Rig) -> None:
    """Stopped until it is missed, then continued before the next trial: nothing of it is left."""
    pid = rig.worker(1)
    with pytest.raises(TrialFailed) as failed:
        fault_in_the_window(rig, rig.order("away"), lambda: os.kill(pid, signal.SIGSTOP))
    assert failed.value.gate == "conservation"
    rig.load.abort()
    os.kill(pid, signal.SIGCONT)
    rig.client.wait_until_up(10)
    rig.works()


def test_a_worker_that_is_told_to_begin_too_late_voids_its_trial(rig: Rig) -> None:
    """Its share of the load would be missing from the first half of the window."""
    order = rig.order("late")
    rig.load.prepare(order)
    pid = rig.worker(3)
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.6, os.kill, (pid, signal.SIGCONT)).start()
    with pytest.raises(TrialFailed, match="after the agreed instant") as failed:
        rig.load.go(order.trial)
    assert failed.value.gate == "load-engine"
    rig.load.abort()
    rig.works()


def test_a_worker_that_hands_over_late_loses_nothing(rig: Rig) -> None:
    order = rig.order("slow")
    pid = rig.worker(1)

    def strike() -> None:
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(1.0, os.kill, (pid, signal.SIGCONT)).start()

    rig.load.prepare(order)
    _, end = rig.load.go(order.trial)
    wait_until(end)
    strike()
    rig.load.release(order.trial)
    results, count = rig.load.result(order.trial, PATIENCE_S)
    assert voided(order, results, count) == []
    assert count.requests == sum(one.delta_requests for one in results) == 720


def test_an_engine_that_stands_still_in_the_window_voids_its_trial(rig: Rig) -> None:
    order = rig.order("still", window=0.8)
    engine = rig.client.state().engines[0]
    rig.load.prepare(order)
    start, end = rig.load.go(order.trial)
    wait_until(start + 100_000_000)
    os.kill(engine, signal.SIGSTOP)
    wait_until(start + 500_000_000)
    os.kill(engine, signal.SIGCONT)
    wait_until(end)
    rig.load.release(order.trial)
    results, count = rig.load.result(order.trial, PATIENCE_S)
    assert max(one.stalled_ns for one in results) >= 300_000_000
    assert voided(order, results, count) == ["engine-stalled"]


def test_an_engine_that_hangs_voids_its_trial_and_is_replaced(rig: Rig) -> None:
    order = rig.order("stuck")
    engine = rig.client.state().engines[1]
    rig.load.prepare(order)
    rig.load.go(order.trial)
    os.kill(engine, signal.SIGSTOP)
    with pytest.raises(TrialFailed, match="not done in time") as failed:
        rig.load.result(order.trial, 1.5)
    assert failed.value.gate == "load-engine"
    rig.load.abort()
    rig.client.wait_until_up(10)
    assert engine not in rig.client.state().engines
    rig.works()


def test_a_worker_that_joins_in_mid_trial_voids_it(rig: Rig, tmp_path: Path) -> None:
    """Locust would move users to it; the lab's connections stay, but nothing is as planned."""
    order = rig.order("joined", window=4.0)
    rig.load.prepare(order)
    _, end = rig.load.go(order.trial)
    command = rig.running._commands["locust-worker-1"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=rig.running._environment,
        cwd=tmp_path,
        start_new_session=True,
    ) as joined:
        try:
            wait_until(end)
            rig.load.release(order.trial)
            results, count = rig.load.result(order.trial, PATIENCE_S)
        finally:
            os.killpg(joined.pid, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_S
    while rig.client.state().workers > WORKERS and time.monotonic() < deadline:
        time.sleep(0.05)  # until the master misses it, it would be part of other tests' trials
    assert (count.workers, len(results)) == (WORKERS + 1, WORKERS)
    assert voided(order, results, count) == ["conservation"]


def test_eight_thousand_connections_of_one_worker_end_with_all_counts_in_hand(
    port: int, tmp_path: Path
) -> None:
    """Locust itself loses a fifth of the samples there (docs of the hand-over)."""
    alone = locusts.start(1, log_dir=tmp_path, label="run-e")
    try:
        rig = Rig(alone, port)
        with closing(rig.client):
            order = rig.order(
                "many",
                window=1.5,
                long={"connections": 8000, "rate": 4000},
                short={"connections": 64, "rate": 500},
            )
            results, count = rig.run(order)
            (one,) = results
            completed = sum(found.total.completed for found in one.classes.values())
            failed = sum(sum(c.total.failed.values()) for c in one.classes.values())
            assert completed + failed == count.requests == one.delta_requests == 7650
            held = one.classes["long"].connections
            assert (held.established, held.held_at_start, held.held_at_end) == (8000,) * 3
            assert voided(order, results, count) == []
    finally:
        alone.stop()
