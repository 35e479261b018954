"""`lab run --backend attach`: a master, a worker and servers that are up already, and stay up.

Without containers, first: local processes. Their meter tells of the whole machine: not believed.
Then `docker compose up`, with CPU time as well. What goes wrong is one line.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.backends import containers, locusts, networks
from lab.config import load
from lab.plan import expand
from servers import vitals

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
ATTACH = Path(__file__).with_name("attach.yaml")
PATIENCE_S = 120
PORTS = {"select": (0, 0), "epoll": (0, 0)}


@pytest.fixture(scope="module")
def servers():
    """Two servers on this machine, each with its port and its meter's."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(serving(name)) for name in PORTS}


@contextlib.contextmanager
def serving(name):
    """A server in several protocols; its two first words are its ports."""
    words = ["-P", "-m", "servers", name, "--protocol=echo,websocket", "--port=0", "--meter-port=0"]
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True) as process:
        try:
            said = [json.loads(process.stdout.readline()) for _ in range(3)]
            yield said[0]["listening"], said[2]["meter"], process.pid
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    made = locusts.start(1, log_dir=tmp_path_factory.mktemp("locust"))
    yield made
    made.stop()


def words(results, *more, profile="tiny"):
    base = ["run", "--lab", ATTACH, "--profile", profile, "--results", results]
    return [sys.executable, "-m", "lab", *map(str, [*base, "--backend", "attach", *more])]


def at(servers, *names):
    return [
        word
        for name in names or servers
        for word in ("--server", f"{name}=127.0.0.1:{servers[name][0]},meter={servers[name][1]}")
    ]


def there(master, servers, *names):
    return ["--locust", master.url, "--token", master.token, *at(servers, *names)]


def run_lab(command):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def records(results):
    path = results / "last" / "trials.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def voids(record):
    return {gate["gate"] for gate in record["gates"] if gate["state"] == "void"}


def wait_for(what, process):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := what():
            return found
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    raise AssertionError("it did not come true")


# local processes


def test_a_run_drives_what_is_there_and_leaves_it_there(tmp_path, master, servers):
    done = run_lab(words(tmp_path, *there(master, servers)))
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "last" / "results.json").read_text())
    outcomes = {verdict["claim"]: verdict for verdict in results["verdicts"]}
    for claim, why in (("cheaper", "whole machine"), ("smaller", "metric pss")):
        assert outcomes[claim]["outcome"] == "skipped"
        assert why in outcomes[claim]["reason"]
    assert outcomes["quicker"]["outcome"] in {"refuted", "inconclusive", "supported", "void"}
    made = records(tmp_path)
    assert {record["cell"] for record in made} == {"pair/select", "pair/epoll"}
    for record in made:
        assert record["error"] == ""
        assert not voids(record) & {"census", "conservation", "server-died", "wrong-bytes"}
        assert record["meter"]["own_clock"]
        assert record["meter"]["ready"]["sockets"] - record["meter"]["idle"]["sockets"] == 6
        assert (record["server"], record["noise"]) == (None, None)
        assert record["port"] in {port for port, _, _ in servers.values()}
    facts = (tmp_path / "last" / "run.json").read_text()
    assert master.token not in facts
    assert json.loads(facts)["instances"] == 1
    assert master.alive()
    with contextlib.closing(master.client()) as client:
        state = client.state()
    assert state.runner in {"ready", "stopped", "stopping"}  # the run's test has ended with it
    for port, meter, _ in servers.values():
        for number in (port, meter):
            socket.create_connection(("127.0.0.1", number), 5).close()


def test_the_plan_is_that_of_the_other_backends(tmp_path, master, servers):
    assert run_lab(words(tmp_path, *there(master, servers))).returncode == 0
    plan = expand(load(ATTACH), (), "tiny", 1)
    assert (tmp_path / "last" / "plan.json").read_text() == plan.model_dump_json(indent=1) + "\n"


def test_who_is_not_attached_or_not_in_this_protocol_is_skipped(tmp_path, master, servers):
    done = run_lab(words(tmp_path, *there(master, servers, "epoll")))
    assert done.returncode == 0, done.stderr
    assert "nobody has attached it" in done.stdout.replace("\n", " ").replace("  ", "")
    assert records(tmp_path) == []


def test_several_instances_take_turns(tmp_path, master, servers):
    with serving("epoll") as (port, meter, _):
        more = ["--server", f"epoll=127.0.0.1:{port},meter={meter}"]
        assert run_lab(words(tmp_path, *there(master, servers), *more)).returncode == 0
        ports = {r["port"] for r in records(tmp_path) if r["cell"] == "pair/epoll"}
        assert ports == {port, servers["epoll"][0]}


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize(
    ("changes", "code", "why"),
    [
        ({"--locust": "http://127.0.0.1:{closed}"}, 5, "no Locust master answers at"),
        ({"--token": "wrong"}, 5, "refuses this lab: X-Lab-Token"),
        ({"--workers": "2"}, 5, "has 1 workers"),
        ({"--server": "epoll=127.0.0.1:{closed}"}, 5, "epoll at .* speaks none of"),
        ({"--server": "epoll=192.0.2.1:7001"}, 2, "neither this machine"),
        ({"--server": "epol=127.0.0.1:1"}, 2, "no experiment here has it"),
    ],
)
def test_what_is_not_as_it_was_said_is_one_line_and_nothing_begins(
    tmp_path, master, servers, changes, code, why
):
    given = dict.fromkeys(("--locust", "--token", "--server"))
    port, meter, _ = servers["epoll"]
    given |= {"--locust": master.url, "--token": master.token}
    given |= {"--server": f"epoll=127.0.0.1:{port},meter={meter}"}
    given |= {key: value.replace("{closed}", str(closed_port())) for key, value in changes.items()}
    done = run_lab(words(tmp_path, *(word for pair in given.items() for word in pair)))
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert re.search(why, line)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_dies_in_a_trial_is_void_and_the_run_goes_on(tmp_path, master, servers):
    with serving("epoll") as (port, meter, pid):
        mine = {**servers, "epoll": (port, meter, pid)}
        lab = subprocess.Popen(
            words(tmp_path, *there(master, mine), profile="long"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

        def in_a_trial():
            holders = [pid, *children(pid)]
            return max(map(sockets, holders)) >= 7 and records(tmp_path)  # six, and the listener

        wait_for(in_a_trial, lab)
        for one in [*children(pid), pid]:
            os.kill(one, signal.SIGKILL)
        before = len(records(tmp_path))
        wait_for(lambda: len(records(tmp_path)) > before + 2, lab)
        lab.send_signal(signal.SIGINT)
        _, err = lab.communicate(timeout=PATIENCE_S)
    assert lab.returncode == 130, err
    assert "Traceback" not in err
    later = records(tmp_path)[before:]
    assert any("server-died" in voids(record) for record in later)
    assert master.alive()


def sockets(pid):
    return len(list(vitals.sockets_of(pid)))


def children(pid):
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(one) for one in listed.split()]


def test_a_master_that_dies_ends_the_run_with_one_line_and_keeps_what_was_finished(
    tmp_path, servers
):
    mine = locusts.start(1, log_dir=tmp_path / "locust")
    try:
        lab = subprocess.Popen(
            words(tmp_path, *there(mine, servers), profile="long"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for(lambda: records(tmp_path), lab)
    finally:
        mine.stop(0)
    _, err = lab.communicate(timeout=PATIENCE_S)
    assert lab.returncode == 5, err
    assert "Finished trials are kept" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert records(tmp_path)
    facts = json.loads((tmp_path / "last" / "run.json").read_text())
    assert facts["how"] == "failed"


# docker compose up

PROJECT = f"io-attach-{os.getpid()}"


def absent(why):
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def subnets():
    """Two that nobody has, from the middle: labs take the bottom, runs the top."""
    with contextlib.closing(containers.connect()) as client:
        taken = [*networks.engine_subnets(client), *networks.host_subnets()]
    free = [str(one) for one in networks.free_subnets(networks.pool(), taken)]
    first = len(free) // 2 + os.getpid() % 50 * 2
    return free[first : first + 2]


@pytest.fixture(scope="module")
def composed():
    """Two servers, a master with a token, two workers: the page, and where the servers are."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "COMPOSE_PROFILES": "select,epoll",
        "LAB_PAGE_PORT": str(port),
        "LAB_WORKERS": "2",
        "LAB_TOKEN": "of-this-test",
    }

    def docker(*arguments):
        done = subprocess.run(
            ["docker", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        docker("compose", "version")
        docker("info")
        docker("image", "inspect", "io-lab-server", "io-lab-locust")
    except (OSError, AssertionError) as error:
        absent(f"no container engine with the lab's images: {error}")
    environment["LAB_SUBNET"], environment["LAB_PAGE_SUBNET"] = subnets()
    compose = ("compose", "--project-name", PROJECT)
    try:
        docker(*compose, "up", "--no-build", "--detach", "--scale", "worker=2")
        hosts = {
            name: json.loads(docker("inspect", f"{PROJECT}-{name}-1"))[0]["NetworkSettings"][
                "Networks"
            ][f"{PROJECT}_lab"]["IPAddress"]
            for name in PORTS
        }
        yield f"http://127.0.0.1:{port}", hosts, environment["LAB_SUBNET"]
    finally:
        docker(*compose, "down", "--remove-orphans")


def test_what_compose_runs_is_metered_by_its_own_clock(tmp_path, composed):
    url, hosts, network = composed
    given = ["--locust", url, "--workers", "2"]
    given += [word for name, host in hosts.items() for word in ("--server", f"{name}={host}")]
    environment = {**os.environ, "LAB_TOKEN": "of-this-test", "LAB_ALLOW_TARGETS": network}
    end = time.monotonic() + PATIENCE_S
    while True:  # the page comes up some seconds after `up` has returned
        done = subprocess.run(
            words(tmp_path, *given), capture_output=True, text=True, env=environment, check=False
        )
        if done.returncode != 5 or time.monotonic() > end:
            break
        time.sleep(0.5)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "last" / "results.json").read_text())
    outcomes = {verdict["claim"]: verdict["outcome"] for verdict in results["verdicts"]}
    assert outcomes["smaller"] == "skipped"
    assert outcomes["cheaper"] != "skipped"
    made = records(tmp_path)
    for record in made:
        assert record["error"] == ""
        assert not voids(record) & {"conservation", "server-died", "wrong-bytes"}
        first, last = record["meter"]["slices"]
        assert 0 < last["cpu_ns"] - first["cpu_ns"] < last["at_ns"] - first["at_ns"]
        assert record["meter"]["ready"]["memory_bytes"] > 0
        assert len(record["engines"]) == 2
    held = [r["meter"]["ready"]["sockets"] - r["meter"]["idle"]["sockets"] for r in made]
    assert 6 in held
