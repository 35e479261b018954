"""Plain Locust users and locustfiles through a Locust master with two workers, and in a run."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lab.backends import locusts
from lab.errors import TrialFailed
from lab.load import LocustClient
from lab.orders import Order
from lab.record import EngineResult, LocustCount, read

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "locust-users"
WORKERS = 2
HEADER = "import time\nfrom locust import User, FastHttpUser, constant, task, events\n"
FILES = {
    "good.py": HEADER
    + """
class Asker(FastHttpUser):
    wait_time = constant(0.002)
    @task
    def ask(self):
        self.client.get("/bytes/9", name="nine")
    @task
    def miss(self):
        raise LookupError("somewhere else")
""",
    "never_yields.py": HEADER
    + """
class Hog(User):
    @task
    def spin(self):
        while True:
            pass
""",
    "never_loads.py": "while True:\n    pass\n",
    "leaves.py": HEADER
    + """
import os
class Leaver(User):
    @task
    def leave(self):
        os._exit(7)
""",
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    command = [sys.executable, "-m", "servers", "epoll", "--protocol", "http", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        yield json.loads(server.stdout.readline())["listening"]
        server.terminate()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("theirs")
    for name, text in FILES.items():
        (made / name).write_text(text)
    return made


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[LocustClient]:
    found = locusts.start(
        WORKERS,
        log_dir=tmp_path_factory.mktemp("locust"),
        label="run-u",
        locustfiles=[str(folder / name) for name in FILES],
    )
    try:
        with closing(found.client()) as client:
            client.start_test()
            yield client
    finally:
        found.stop()


def order(port: int, driver: Any, window: float = 0.4) -> Order:
    return Order.model_validate(
        {
            "trial": "theirs",
            "label": "arm theirs",
            "target": ("127.0.0.1", port),
            "protocol": "http",
            "classes": {"long": {"connections": 5, "think_s": 0.004}, "idle": {"connections": 3}},
            "seed": 1,
            "timing": {"warm_up": 0.2, "window": window, "cool_down": 0.05},
            "driver": driver,
        }
    )


def run(client: LocustClient, wanted: Order) -> tuple[list[EngineResult], LocustCount]:
    """One trial, everything counted: engines' sum = what Locust has gained."""
    ready = client.prepare(wanted)
    assert ready.established == {"long": 5, "idle": 3}
    client.go(wanted.trial)
    results, count = client.result(wanted.trial, 20)
    assert sum(result.delta_requests for result in results) == count.requests
    totals = [found.total for result in results for found in result.classes.values()]
    assert sum(t.completed + sum(t.failed.values()) for t in totals) == count.requests
    assert sum(sum(t.failed.values()) for t in totals) == count.failures
    assert (count.workers, count.lost_workers) == (WORKERS, 0)
    return results, count


def drivers(results: list[EngineResult]) -> set[str]:
    return {result.driver for result in results}


def test_three_ways_to_ask_one_after_the_other_in_the_same_workers(
    client: LocustClient, port: int, folder: Path
) -> None:
    results, count = run(client, order(port, "greenlets"))
    assert drivers(results) == {"greenlets"}
    assert (count.failures, count.requests > 0) == (0, True)
    results, count = run(client, order(port, {"locustfile": str(folder / "good.py")}))
    assert drivers(results) == {"locustfile"}
    names = [{row.name: row for row in result.names} for result in results]
    assert sum(rows["nine"].completed for rows in names) > 0
    assert count.failures == sum(r.classes["long"].total.failed["raised"] for r in results) > 0
    engines = client.state().engines
    results, count = run(client, order(port, "engine"))
    assert drivers(results) == {"engine"}
    assert count.failures == 0
    assert client.state().engines == engines  # it stood by all the time


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("never_yields.py", r"users of .*/never_yields.py did not end in time, and were killed"),
        ("leaves.py", r"users of .*/leaves.py died \(exit code 7\)"),
    ],
)
def test_users_that_ruin_their_own_process_void_their_trial_and_no_other(
    client: LocustClient, port: int, folder: Path, file: str, why: str
) -> None:
    wanted = order(port, {"locustfile": str(folder / file)})

    def attempt() -> None:
        client.prepare(wanted)
        client.go(wanted.trial)
        client.release(wanted.trial)
        client.result(wanted.trial, 20)

    with pytest.raises(TrialFailed, match=why) as failed:
        attempt()
    assert failed.value.gate == "load-engine"
    run(client, order(port, "greenlets"))


def test_a_file_that_never_loads_is_given_up_when_the_lab_does(
    client: LocustClient, port: int, folder: Path
) -> None:
    with pytest.raises(TrialFailed, match="not ready in time"):
        client.prepare(order(port, {"locustfile": str(folder / "never_loads.py")}), deadline_s=1.5)
    run(client, order(port, "greenlets"))


def test_a_file_that_nobody_named_is_not_run(client: LocustClient, port: int) -> None:
    with pytest.raises(TrialFailed, match="not among the files in LAB_LOCUSTFILES"):
        client.prepare(order(port, {"locustfile": str(EXAMPLE / "locustfile.py")}))


def test_the_example_runs_and_every_arm_is_asked_by_its_own_driver(tmp_path: Path) -> None:
    small = (EXAMPLE / "lab.yaml").read_text().replace("window: 0.5 s", "window: 0.3 s")
    (tmp_path / "lab.yaml").write_text(small)
    (tmp_path / "locustfile.py").write_bytes((EXAMPLE / "locustfile.py").read_bytes())
    words = ["run", "--lab", "lab.yaml", "--profile", "smoke", "--results", "results"]
    done = subprocess.run(
        [sys.executable, "-m", "lab", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "results").glob("*-smoke-*")
    found = [read(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    asked = {record.cell.split("/")[1]: record for record in found if not record.error}
    assert {arm: drivers(record.engines) for arm, record in asked.items()} == {
        "engine": {"engine"},
        "greenlets": {"greenlets"},
        "fast-http-user": {"locustfile"},
    }
    for record in asked.values():
        states = {gate.gate: gate.state for gate in record.gates}
        assert states["conservation"] == states["wrong-bytes"] == states["census"] == "ok"
    (engine,) = asked["fast-http-user"].engines
    assert [row.name for row in engine.names] == ["/echo"]
    facts = json.loads((folder / "run.json").read_text())["machine"]
    assert "locustfile locustfile.py" in facts
