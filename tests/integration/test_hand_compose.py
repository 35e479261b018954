"""A load by hand in `docker compose up`: the server's own meter, live, and refusals at the door."""

import http.client
import json
import os
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = f"io-hand-test-{os.getpid()}"
PLACE = os.getpid() % 15
PATIENCE = 60.0  # seconds for what takes three
SERVERS = "epoll"
IDLE, BUSY, RATE = 200, 10, 500

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def docker(*arguments, environment=None):
    done = subprocess.run(
        ["docker", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def absent(why):
    """Without an engine there is nothing to test; where it must be there, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="module")
def port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def lab(port):
    """The project with one server and two workers; gives the port of its page."""
    try:
        docker("compose", "version")
        docker("info")
    except (OSError, AssertionError) as error:
        absent(f"no container engine with Compose: {error}")
    environment = {
        **os.environ,
        "COMPOSE_PROFILES": SERVERS,
        "LAB_SUBNET": f"198.18.{224 + PLACE}.0/24",
        "LAB_PAGE_SUBNET": f"198.18.{240 + PLACE}.0/28",
        "LAB_PAGE_PORT": str(port),
        "LAB_WORKERS": "2",
    }
    compose = ("compose", "--project-name", PROJECT)
    try:
        docker("compose", "build")
    except AssertionError as error:
        absent(f"the images cannot be built: {str(error).splitlines()[-1]}")
    try:
        docker(*compose, "up", "--detach", "--scale", "worker=2", environment=environment)
        yield port
    finally:
        docker(*compose, "down", "--remove-orphans", environment=environment)


def ask(port, method, path, body=None, **headers):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def live_when(port, what):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            live = json.loads(ask(port, "GET", "/lab/live")[1])
        except (OSError, http.client.HTTPException):  # the page is not up yet
            live = {}
        if live and what(live):
            return live
        assert time.monotonic() < deadline, live
        time.sleep(0.2)


def test_the_servers_meter_is_live_and_the_census_is_exact(lab):
    live_when(lab, lambda live: live["engines"] == 2)
    form = {
        "user_count": "1",
        "spawn_rate": "1",
        "server": "epoll",
        "protocol": "websocket",
        "workload": "idle + busy",
        "connections": BUSY,
        "idle": IDLE,
        "rate": RATE,
    }
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    status, said = ask(lab, "POST", "/swarm", urlencode(form), **kind)
    assert (status, json.loads(said)["success"]) == (http.client.OK, True), said
    live = live_when(
        lab, lambda live: live["now"] and live["now"]["server_cpu_us_per_request"] is not None
    )
    now = live["now"]
    assert now["meter_note"] == ""
    assert 1 < now["server_cpu_us_per_request"] < 10_000
    assert 0 < now["server_cpu"] < 1.5
    assert 1 << 20 < now["server_memory_bytes"] < 1 << 30
    assert now["throttled"] == 0
    assert now["census"] == {
        "asked": {"long": BUSY, "short": 0, "idle": IDLE},
        "open": {"long": BUSY, "short": 0, "idle": IDLE},
        "server_sockets": BUSY + IDLE,
    }
    assert ask(lab, "POST", "/stop")[0] == http.client.OK
    live = live_when(lab, lambda live: live["state"] == "idle")
    [row] = live["runs"]
    assert row["server_cpu_us_per_request"] > 1
    gates = {one["gate"]: one for one in live["gates"]}
    for name in ("conservation", "census", "wrong-bytes"):
        assert gates[name]["state"] == "pass", gates[name]


def test_a_server_that_is_not_up_is_refused_on_the_form(lab):
    live_when(lab, lambda live: live["state"] == "idle" and live["engines"] == 2)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    form = urlencode({"user_count": "1", "spawn_rate": "1", "server": "select"})
    said = json.loads(ask(lab, "POST", "/swarm", form, **kind)[1])
    assert not said["success"]
    assert said["message"].startswith("select is not known here")


def test_no_other_site_and_no_name_of_the_world_outside_gets_in(lab):
    live_when(lab, lambda live: live["engines"] == 2)
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        assert ask(lab, "POST", "/stop", b"", **headers)[0] == http.client.FORBIDDEN
