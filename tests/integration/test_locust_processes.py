"""Locust's processes: how they start and end, what happens when one is killed, what they leave."""

import csv
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lab.backends import locusts
from lab.errors import EnvironmentUnfit, TrialFailed
from lab.load import LocustClient
from lab.orders import Order

FAKE = Path(__file__).parent / "fake_engine.py"
ORACLE = runpy.run_path(str(FAKE))

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def fake_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_ENGINE_COMMAND", f"{sys.executable} {FAKE}")


@contextmanager
def started(log_dir: Path, workers: int = 1, **options: object) -> Iterator[locusts.Locusts]:
    found = locusts.start(workers, log_dir=log_dir, label="run-p", **options)
    try:
        yield found
    finally:
        found.stop()


def order(trial: str, how: str = "echo") -> Order:
    return Order.model_validate(
        {
            "trial": trial,
            "label": trial,
            "target": ("127.0.0.1", 9),
            "protocol": how,
            "classes": {"long": {"connections": 1}},
            "seed": 0,
            "timing": {"warm_up": 0.01, "window": 0.01, "cool_down": 0},
        }
    )


def run_one(client: LocustClient, trial: str, workers: int = 1) -> None:
    client.prepare(order(trial))
    client.go(trial)
    results, count = client.result(trial, 5)
    assert count.requests == sum(ORACLE["requests"](0, share) for share in range(workers))
    assert count.requests == sum(result.delta_requests for result in results)


def gone(pid: int) -> bool:
    """Ended, reaped or not: a container's first process may reap nothing."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def soon(what: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.02)
    return what()


def test_everything_is_marked_pinned_counted_and_removed(tmp_path: Path) -> None:
    cpu = max(os.sched_getaffinity(0))
    with started(tmp_path, cpu=cpu, csv=True) as found, closing(found.client()) as client:
        engines = client.start_test().engines
        for pid in [*found.pids, *engines]:
            assert b"LAB_RUN=run-p" in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            assert os.getsid(pid) != os.getsid(0)
        for pid in found.pids:
            threads = [int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir()]
            assert all(os.sched_getaffinity(thread) == {cpu} for thread in threads)
        run_one(client, "csv")
        client.stop()
        began = time.monotonic()
        found.stop()
        assert time.monotonic() - began < 5
        assert all(gone(pid) for pid in [*found.pids, *engines])
    with (tmp_path / "locust_stats.csv").open() as lines:
        row = next(row for row in csv.DictReader(lines) if row["Name"] == "csv")
    assert (row["Type"], row["Request Count"]) == ("long", "1000")


def test_a_lost_worker_fails_its_trial_and_can_be_replaced(tmp_path: Path) -> None:
    with started(tmp_path, workers=2) as found, closing(found.client()) as client:
        client.start_test()
        client.prepare(order("lost", "hang"))
        client.go("lost")
        os.kill(found.pids[1], signal.SIGKILL)
        with pytest.raises(TrialFailed, match="went missing") as failed:
            client.result("lost", 15)  # Locust needs 4 s to miss a worker
        assert failed.value.gate == "conservation"
        with pytest.raises(TrialFailed, match="1 of 2 Locust workers") as failed:
            client.prepare(order("short-handed"))
        assert failed.value.gate == "conservation"
        assert not found.alive()
        found.revive()
        client.start_test()
        run_one(client, "healed", workers=2)


def test_the_only_worker_may_be_lost_too(tmp_path: Path) -> None:
    with started(tmp_path) as found, closing(found.client()) as client:
        client.start_test()
        client.prepare(order("lost", "hang"))
        os.kill(found.pids[1], signal.SIGKILL)
        with pytest.raises(TrialFailed, match="went missing"):
            client.result("lost", 15)
        found.revive()
        client.start_test()  # Locust has stopped its test with its last worker
        run_one(client, "healed")


def test_a_dead_master_fails_the_trial(tmp_path: Path) -> None:
    with started(tmp_path) as found, closing(found.client()) as client:
        client.prepare(order("headless", "hang"))
        client.go("headless")
        os.kill(found.pids[0], signal.SIGKILL)
        with pytest.raises(TrialFailed, match="does not answer") as failed:
            client.result("headless", 5)
        assert failed.value.gate == "conservation"
        client.abort()  # harmless


def test_all_end_when_the_lab_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time, pathlib; from lab.backends import locusts\n"
        f"found = locusts.start(2, log_dir=pathlib.Path({str(tmp_path)!r}))\n"
        "print(*found.pids, *found.client().state().engines, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as lab:
        assert lab.stdout is not None
        pids = [int(pid) for pid in lab.stdout.readline().split()]
        assert len(pids) == 5  # a master, two workers, two engines
        lab.kill()
    assert soon(lambda: all(gone(pid) for pid in pids))


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentUnfit, match=f"port {port} for Locust's web page") as unfit:
            locusts.start(log_dir=tmp_path, web_port=port)
    assert "\n" not in str(unfit.value)


def test_a_failed_start_repeats_what_locust_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locustfile.py").write_text("raise RuntimeError('no such thing')\n")
    right = locusts._commands

    def wrong(*arguments: object) -> dict[str, list[str]]:
        commands = right(*arguments)
        for command in commands.values():
            command[command.index("-f") + 1] = str(tmp_path / "locustfile.py")
        return commands

    monkeypatch.setattr(locusts, "_commands", wrong)
    with pytest.raises(EnvironmentUnfit, match="RuntimeError: no such thing"):
        locusts.start(log_dir=tmp_path)


def test_an_engine_that_cannot_start_fails_each_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_ENGINE_COMMAND", "false")
    with started(tmp_path) as found, closing(found.client()) as client:
        for trial in ("one", "two"):
            with pytest.raises(TrialFailed, match=r"load engine died \(exit code 1\)") as failed:
                client.prepare(order(trial))
            assert failed.value.gate == "load-engine"
