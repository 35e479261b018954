"""The HTTP client against canned answers: what it says to a master, what it makes of its words."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from lab.errors import EnvironmentUnfit, TrialFailed
from lab.load import LocustClient
from lab.orders import Order, Ready

ORDER = {
    "trial": "e.0.a.x=1",
    "label": "a x=1",
    "target": ["127.0.0.1", 7],
    "protocol": "echo",
    "classes": {"long": {"connections": 2}},
    "seed": 5,
    "timing": {"warm_up": 1, "window": 2, "cool_down": 0},
    "cpu": 1,
}
COUNTS = {"scheduled": 3, "sent": 3, "completed": 3}
RESULT = {
    "engine": "e",
    "trial": "e.0.a.x=1",
    "window": [10, 20],
    "crossed": [10, 20],
    "classes": {"long": {"total": COUNTS, "window": COUNTS, "connections": {"asked": 2}}},
    "marks": [[10, 0], [20, 3]],
    "in_flight": [1],
    "in_flight_at_edges": [0, 0],
    "cpu_ns": 1,
    "waits": 1,
    "events": 1,
    "full": 0,
    "deltas": 1,
    "delta_requests": 3,
}
LOCUST = {"requests": 3, "failures": 0, "workers": 1, "lost_workers": 0}
UP = {
    "workers": 1,
    "expected": 1,
    "engines": [{"worker": "w", "pid": 42}],
    "runner": "ready",
    "users": 0,
    "trial": None,
}


class Master(ThreadingHTTPServer):
    """Answers from a list, the last answer for ever; notes what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, str, bytes]] = []
        self.peers: set[int] = set()
        self.hang_up = False

    def handle_error(self, *_: Any) -> None:
        """Stay silent: a client may hang up before it has its answer."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Master

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        master = self.server
        master.asked.append((self.command, self.path, body))
        master.peers.add(self.client_address[1])
        status, answer = master.answers[0] if len(master.answers) == 1 else master.answers.pop(0)
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        if master.hang_up:
            self.close_connection = True  # without saying so: the client finds out next time

    do_POST = do_GET  # noqa: N815 # the base class's names

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


@pytest.fixture
def master() -> Iterator[Master]:
    with Master() as found:
        serving = threading.Thread(target=found.serve_forever, args=(0.01,))
        serving.start()
        yield found
        found.shutdown()
        serving.join()


@pytest.fixture
def client(master: Master) -> Iterator[LocustClient]:
    found = LocustClient(master.url, "secret")
    yield found
    found.close()


def view(state: str, **more: Any) -> dict[str, Any]:
    return {
        "state": state,
        "gate": "",
        "why": "",
        "ready": [],
        "window": None,
        "results": [],
    } | more


def test_a_trial_from_order_to_result(master: Master, client: LocustClient) -> None:
    census = {"established": {"long": 2}, "failed": {"long": {"refused": 1, "reset": 2}}}
    master.answers = [
        (201, view("preparing")),  # not yet: the client asks again
        (200, view("ready", ready=[census, census])),
        (200, view("started", window=[10, 20])),
        (200, view("started", window=[10, 20])),
        (200, view("done", window=[10, 20], results=[RESULT], locust=LOCUST)),
    ]
    assert client.prepare(ORDER) == Ready({"long": 4}, {"long": 6})
    assert client.go("e.0.a.x=1", start_ns=7) == (10, 20)
    results, count = client.result("e.0.a.x=1", 5)
    assert [result.delta_requests for result in results] == [count.requests] == [3]
    methods, paths, bodies = zip(*master.asked, strict=True)
    assert methods == ("POST", "GET", "POST", "GET", "GET")
    assert [path.partition("?")[0] for path in paths] == [
        "/lab/trials",
        "/lab/trials/e.0.a.x%3D1",
        "/lab/trials/e.0.a.x%3D1/go",
        "/lab/trials/e.0.a.x%3D1",
        "/lab/trials/e.0.a.x%3D1",
    ]
    assert Order.model_validate_json(bodies[0]) == Order.model_validate(ORDER)
    assert json.loads(bodies[2]) == {"start_ns": 7}
    assert all(0 < float(parse_qs(p.partition("?")[2])["wait"][0]) <= 30 for p in paths)
    assert len(master.peers) == 1  # one connection, kept


@pytest.mark.parametrize(("engines", "given"), [(1, False), (2, True)])
def test_several_engines_of_one_host_start_together(
    master: Master, client: LocustClient, engines: int, given: bool
) -> None:
    census = {"established": {}, "failed": {}}
    master.answers = [
        (201, view("ready", ready=[census] * engines)),
        (200, view("started", window=[1, 2])),
    ]
    client.prepare(ORDER)
    before = time.monotonic_ns()
    client.go("e.0.a.x=1")
    start_ns = json.loads(master.asked[1][2])["start_ns"]
    assert (start_ns is not None and start_ns > before) == given


@pytest.mark.parametrize(
    ("status", "answer", "gate", "why"),
    [
        (
            201,
            view("failed", gate="load-engine", why="load engine died (signal 9)"),
            "",
            "signal 9",
        ),
        (201, view("failed", gate="conservation", why="w went missing"), "conservation", "missing"),
        (201, view("aborted", why="aborted by the lab"), "", "aborted"),
        (400, {"error": "target: Field required"}, "", "target"),
        (404, {"error": "no trial x"}, "conservation", "no trial"),
        (409, {"error": "trial y is started"}, "", "trial y"),
        (503, {"error": "0 of 1 Locust workers"}, "conservation", "0 of 1"),
        (500, b"<html>", "", "unreadable"),
        (201, b"[]", "", "unreadable"),
        (201, view("ready", surprise=1, ready=[{"established": {}}]), "", "unreadable"),
    ],
)
def test_a_broken_trial_names_its_gate(
    master: Master, client: LocustClient, status: int, answer: Any, gate: str, why: str
) -> None:
    master.answers = [(status, answer)]
    with pytest.raises(TrialFailed, match=why) as failed:
        client.prepare(ORDER)
    assert failed.value.gate == (gate or "load-engine")


def test_a_wrong_token_is_no_broken_trial(master: Master, client: LocustClient) -> None:
    master.answers = [(403, {"error": "X-Lab-Token is not this run's"})]
    with pytest.raises(EnvironmentUnfit, match="X-Lab-Token"):
        client.prepare(ORDER)


def test_a_hanging_engine_is_aborted(master: Master, client: LocustClient) -> None:
    master.answers = [(200, view("started", window=[1, 2]))]
    client._trial = "t"
    with pytest.raises(TrialFailed, match="not done in time"):
        client.result("t", 0.05)
    assert master.asked[-1][1].startswith("/lab/trials/t/abort?")
    client.abort()  # once is enough
    assert [path for _, path, _ in master.asked if "abort" in path] == [master.asked[-1][1]]


def test_nobody_there(master: Master, client: LocustClient) -> None:
    gone = LocustClient("http://127.0.0.1:1")
    with pytest.raises(TrialFailed, match="does not answer") as failed:
        gone.prepare(ORDER)
    assert failed.value.gate == "conservation"
    gone.abort()
    with pytest.raises(EnvironmentUnfit, match="is not up in"):
        gone.wait_until_up(0.1)
    with pytest.raises(EnvironmentUnfit, match="does not answer"):
        gone.note("hello")
    gone.close()


def test_a_stale_connection_is_opened_again(master: Master, client: LocustClient) -> None:
    master.answers, master.hang_up = [(200, UP)], True
    for _ in range(3):
        assert client.state().engines == [42]
    assert len(master.peers) == 3


def test_an_interrupted_exchange_spoils_no_later_one(
    master: Master, client: LocustClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    master.answers = [(200, UP)]
    with monkeypatch.context() as patch:
        patch.setattr("http.client.HTTPConnection.getresponse", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.state()
    client._trial = "t"
    client.abort()
    assert master.asked[-1][1].startswith("/lab/trials/t/abort?")


def interrupted(_: Any) -> None:
    raise KeyboardInterrupt


def test_start_says_everything_and_looks_afterwards(master: Master, client: LocustClient) -> None:
    master.answers = [
        (200, UP | {"workers": 0}),  # POST /swarm would "succeed" without a worker
        (200, UP | {"engines": []}),
        (200, UP),
        (200, {"success": True}),
        (200, UP | {"runner": "spawning", "users": 8}),
        (200, UP | {"runner": "running", "users": 9}),
    ]
    assert client.start_test().users == 9
    paths = [path for _, path, _ in master.asked]
    assert paths == ["/lab/state"] * 3 + ["/swarm"] + ["/lab/state"] * 2
    form = parse_qs(master.asked[3][2].decode(), keep_blank_values=True)
    assert form == {"user_count": ["9"], "spawn_rate": ["100"], "host": [""], "run_time": [""]}


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([(200, UP), (200, {"success": False, "message": "no"})], "does not start"),
        ([(200, UP), (200, {"success": True}), (200, UP)], "ready with 0 of 9 tokens"),
        ([(200, UP | {"workers": 0})], "0 of 1 workers"),
        ([(200, b"<html>Grafana</html>")], "no Locust master of this lab"),
        ([(404, {"error": "nothing"})], "no Locust master of this lab"),
    ],
)
def test_a_start_that_does_not_come_about(
    master: Master, client: LocustClient, answers: list[Any], why: str
) -> None:
    master.answers = answers
    with pytest.raises(EnvironmentUnfit, match=why):
        client.start_test(deadline_s=0.2)


def test_the_client_imports_no_locust() -> None:
    code = (
        "import sys; import lab.load, lab.backends.locusts;"
        "print(*{'locust', 'gevent', 'flask'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
