"""Loads by hand, for real: Locust's form, a master and two workers, engines, a server process."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from urllib.parse import urlencode, urlsplit

import pytest

from lab.backends import locusts
from lab.errors import EnvironmentUnfit, TrialFailed
from lab.orders import Order

WORKERS = 2
RATE = 400
PATIENCE = 15.0  # seconds for what takes one
FORBIDDEN, NOT_FOUND, BAD = http.client.FORBIDDEN, http.client.NOT_FOUND, http.client.BAD_REQUEST

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def port():
    command = [sys.executable, "-m", "servers", "epoll", "--protocol", "http", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as server:
        yield json.loads(server.stdout.readline())["listening"]
        server.terminate()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    found = locusts.start(WORKERS, log_dir=tmp_path_factory.mktemp("locust"))
    yield found
    found.stop()


class Page:
    """What a browser, or curl, would ask the master."""

    def __init__(self, running):
        self.at = urlsplit(running.url).netloc
        self.token = running.token

    def ask(self, method, path, body=None, **headers):
        with closing(http.client.HTTPConnection(self.at, timeout=PATIENCE)) as connection:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, names)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def swarm(self, **fields):
        """Press Start; returns what is said under the form, "" for nothing."""
        form = {"user_count": "1", "spawn_rate": "1", "host": "http://somebody", **fields}
        status, _, body = self.ask(
            "POST", "/swarm", urlencode(form), Content_Type="application/x-www-form-urlencoded"
        )
        assert status == http.client.OK, body
        said = json.loads(body)
        return "" if said["success"] else said["message"]

    def stop(self):
        assert self.ask("POST", "/stop")[0] == http.client.OK

    def live(self):
        status, headers, body = self.ask("GET", "/lab/live")
        assert (status, headers["Cache-Control"]) == (http.client.OK, "no-store")
        assert headers["Content-Type"] == "application/json"
        return json.loads(body)

    def live_when(self, what):
        deadline = time.monotonic() + PATIENCE
        while not what(found := self.live()):
            told = {name: found[name] for name in ("state", "driver", "why", "workers", "now")}
            assert time.monotonic() < deadline, str(told)
            time.sleep(0.05)
        return found

    def stats(self):
        return json.loads(self.ask("GET", "/stats/requests")[2])


@pytest.fixture
def page(running):
    found = Page(running)
    yield found
    found.stop()
    found.live_when(lambda live: live["state"] == "idle" and live["workers"] == WORKERS)


def form(port, **fields):
    return {
        "server": "epoll",
        "protocol": "http",
        "workload": "long",
        "connections": "6",
        "rate": str(RATE),
        "target": f"127.0.0.1:{port}",
        **fields,
    }


def busy(live):
    return live["state"] == "running" and live["now"] is not None


def test_locusts_form_has_our_fields_as_drop_downs(page):
    _, _, body = page.ask("GET", "/")
    for name in ("server", "protocol", "workload", "connections", "idle", "rate", "payload"):
        assert f'"{name}": {{'.encode() in body or f"&#34;{name}&#34;: {{".encode() in body
    assert b"idle + busy" in body
    assert b"processes-threads-coroutines" in body


def test_a_load_runs_until_it_is_stopped_and_all_count_the_same(page, port):
    mixed = form(port, workload="mixed", connections="8", idle="11")
    assert page.swarm(**mixed) == ""
    live = page.live_when(lambda live: busy(live) and live["total"]["requests"] > 2 * RATE)
    assert (live["driver"], live["run"]["workload"], live["run"]["idle"]) == ("hand", "mixed", 11)
    now = live["now"]
    assert now["census"]["asked"] == {"long": 4, "short": 4, "idle": 11}
    assert (now["census"]["open"]["long"], now["census"]["open"]["idle"]) == (4, 11)
    assert 0 < now["service_ms"]["p50"] <= now["response_ms"]["p90"]
    assert now["response_ms"]["p99"] is None  # a second of it has too few beyond
    assert now["meter_note"].startswith("no meter")
    assert now["server_cpu_us_per_request"] is None

    begun = time.monotonic()
    page.stop()
    assert time.monotonic() - begun < 2
    after = page.live_when(lambda live: live["state"] == "idle")
    row = after["runs"][-1]
    assert after["now"] is None
    assert row["seconds"] > 2
    assert 0.8 * RATE < row["requests_per_s"] < 1.2 * RATE
    gates = {one["gate"]: one for one in after["gates"]}
    for name in ("conservation", "census", "wrong-bytes", "littles-law"):
        assert gates[name]["state"] in ("pass", "warn"), gates[name]
    deadline = time.monotonic() + PATIENCE
    while (total := page.stats()["stats"][-1])["num_requests"] != after["total"]["requests"]:
        assert time.monotonic() < deadline, (total, after["total"])  # Locust caches it for 2 s
        time.sleep(0.2)
    assert total["num_failures"] == after["total"]["failures"]
    half_ms = after["total"]["response_ms"]["p50"]
    assert total["median_response_time"] == pytest.approx(half_ms, rel=0.06)  # two digits


def test_the_next_start_works_at_once_and_is_another_load(page, port):
    for protocol_fields in ({"rate": "0", "connections": "1"}, {"workload": "short"}):
        assert page.swarm(**form(port, **protocol_fields)) == ""
        live = page.live_when(busy)
        asked = "short" if "workload" in protocol_fields else "long"
        assert live["now"]["census"]["asked"][asked] > 0
        page.stop()
    assert [row["workload"] for row in page.live()["runs"][-2:]] == ["long", "short"]


def test_a_run_time_ends_it(page, port):
    assert page.swarm(**form(port), run_time="2s") == ""
    page.live_when(busy)
    live = page.live_when(lambda live: live["state"] == "idle")
    assert 1 < live["runs"][-1]["seconds"] < 3.5


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"server": "apache"}, 'There is no server "apache"'),
        ({"server": "sanic", "protocol": "websocket"}, "sanic does not speak websocket"),
        ({"connections": "many"}, "no whole number"),
        ({"run_time": "soon"}, "is no time"),
        ({"run_time": "2h"}, "at most 60 minutes"),
        ({"target": "127.0.0.1:1"}, "Nobody answers at 127.0.0.1:1"),
        ({"target": ""}, "epoll is not known here"),
        ({"target": "192.0.2.1:80"}, "allow_targets"),  # TEST-NET-1, RFC 5737
        ({"target": "0.0.0.0:80"}, "no server's address"),
    ],
)
def test_what_cannot_be_is_said_under_the_form_and_nothing_starts(page, port, fields, why):
    assert why in page.swarm(**form(port, **fields))
    live = page.live()
    assert (live["state"], live["driver"]) == ("idle", None)


def order(trial, port):
    return Order.model_validate(
        {
            "trial": trial,
            "label": "epoll n=1",
            "target": ("127.0.0.1", port),
            "protocol": "http",
            "classes": {"long": {"connections": 2}},
            "seed": 0,
            "timing": {"warm_up": 0.1, "window": 0.2, "cool_down": 0},
        }
    )


def test_one_driver_at_a_time(page, port, running):
    with closing(running.client()) as client:
        assert page.swarm(**form(port)) == ""
        page.live_when(busy)
        assert "A load is under way" in page.swarm(**form(port))
        assert "by hand" in page.swarm()  # another lab's tokens
        with pytest.raises(TrialFailed, match="a load by hand is under way"):
            client.prepare(order("between", port))
        with pytest.raises(EnvironmentUnfit, match="A load by hand is under way"):
            client.start_test()
        page.stop()

        client.start_test()
        page.live_when(lambda live: live["driver"] == "lab run")
        assert "`lab run` drives" in page.swarm(**form(port))
        client.prepare(order("one", port))
        live = page.live_when(lambda live: live["run"] is not None)
        found = live["run"]["label"], live["run"]["trial"], live["driver"], live["now"]
        assert found == ("epoll n=1", "one", "lab run", None)
        client.go("one")
        results, count = client.result("one", PATIENCE)
        assert count.requests == sum(result.delta_requests for result in results)
        client.prepare(order("abandoned", port))
    page.stop()  # whoever has the page may end what nobody drives any more
    page.live_when(lambda live: live["driver"] is None)
    assert page.swarm(**form(port)) == ""
    page.live_when(busy)


def test_a_lost_engine_ends_the_load_with_the_reason(page, port, running):
    assert page.swarm(**form(port)) == ""
    page.live_when(busy)
    with closing(running.client()) as client:
        os.kill(client.state().engines[0], signal.SIGKILL)
        live = page.live_when(lambda live: live["state"] == "idle")
        assert "signal 9" in live["why"]
        assert {"gate": "load-engine", "state": "void", "why": live["why"]} in live["gates"]
        assert live["runs"][-1]["valid"] is False
        client.wait_until_up(PATIENCE)
    assert page.swarm(**form(port)) == ""
    page.live_when(busy)


def test_reset_statistics_are_no_lost_requests(page, port):
    assert page.swarm(**form(port)) == ""
    page.live_when(busy)
    page.ask("POST", "/stats/reset")
    page.stop()
    live = page.live_when(lambda live: live["state"] == "idle")
    [found] = [one for one in live["gates"] if one["gate"] == "conservation"]
    assert found["state"] == "unknown"
    assert "reset" in found["why"]


def test_verdicts_come_into_locusts_tab_and_the_document(page, running):
    with closing(running.client()) as client:
        client.verdicts("a", [{"claim": "old", "verdict": "inconclusive"}])
        client.verdicts("a", [{"claim": "<b>new</b>", "verdict": "supported", "effect": "2"}])
    assert [row["claim"] for row in page.live()["verdicts"]] == ["<b>new</b>"]
    deadline = time.monotonic() + PATIENCE
    while not (rows := page.stats()["extended_stats"][0]["data"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert rows[0] == page.live()["verdicts"][0]
    assert b'"title": "Verdicts"' in page.ask("GET", "/")[2].replace(b"&#34;", b'"')
    for headers, body, status in (
        ({}, b"[]", FORBIDDEN),
        ({"X_Lab_Token": "guessed"}, b"[]", FORBIDDEN),
        ({"X_Lab_Token": running.token}, b"{}", BAD),
    ):
        assert page.ask("POST", "/lab/verdicts?run=b", body, **headers)[0] == status
    assert len(page.live()["verdicts"]) == 1


@pytest.mark.parametrize(
    "path", ["/swarm", "/stop", "/stats/reset", "/lab/verdicts", "/lab/trials"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Host": "evil.example"},
    ],
)
def test_another_site_changes_nothing(page, path, headers):
    status, told, _ = page.ask("POST", path, b"", X_Lab_Token=page.token, **headers)
    assert status == FORBIDDEN
    assert told["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize("path", ["/", "/lab/live", "/lab/state", "/lab/", "/stats/requests"])
def test_another_site_reads_nothing(page, path):
    _, told, _ = page.ask("GET", path, Origin="http://evil.example")
    assert not [name for name in told if name.lower().startswith("access-control")]
    assert page.ask("GET", path, Host="evil.example:80")[0] == FORBIDDEN


def test_the_page_is_served_strictly_and_nothing_beside_it(page):
    status, told, body = page.ask("GET", "/lab/")
    assert (status, told["Content-Type"]) == (http.client.OK, "text/html; charset=utf-8")
    assert b"<html" in body
    policy = told["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert (told["X-Content-Type-Options"], told["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert page.ask("GET", "/lab/page/page.js")[1]["Content-Type"].startswith("text/javascript")
    for name in ("..%2fpages.py", "%2e%2e/pages.py", "pages.py", "nothing", "..%2f..%2fdesk.py"):
        assert page.ask("GET", f"/lab/page/{name}")[0] == NOT_FOUND


def test_the_page_does_not_start_where_others_can_come_without_a_token(tmp_path):
    commands = locusts._commands(1, "0.0.0.0", free_port(), free_port(), None)
    hidden = ("LAB_TOKEN", "LAB_PUBLISHED", "LAB_LEASH")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        commands["locust-master"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "Set LAB_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
