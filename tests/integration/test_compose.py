"""`docker compose up`, really: every server, a master and three workers, and what they may do."""

import json
import os
import socket
import subprocess
import time
import urllib.request
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from lab.backends.contract import verify
from lab.backends.process import is_exact
from servers.catalog import PROTOCOLS, SERVERS
from servers.on_demand import port_of

ROOT = Path(__file__).parents[2]
PROJECT = f"io-lab-test-{os.getpid()}"  # beside a lab that somebody has up
PLACE = os.getpid() % 14  # of two such tests at a time, each has a network of its own
NETWORK, PAGE = f"198.19.{16 * PLACE}.0/20", f"198.19.{240 + PLACE}.0/24"
WORKERS = 3
DEADLINE = 60.0  # seconds for what takes one or two

MINE = ("--filter", f"label=com.docker.compose.project={PROJECT}")
# an image that Compose has built carries its project's label, and so do all made from it by others
CONTAINER = ("--filter", "label=com.docker.compose.config-hash")
NAME_AND_CODE = "{{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def docker(*arguments, fine=(0,), **options):
    done = subprocess.run(
        ["docker", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, **options
    )
    assert done.returncode in fine, done.stdout + done.stderr
    return done.stdout


def absent(why):
    """Without an engine there is nothing to test; where it must be there, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Lab:
    """The project that is up: its containers as `docker inspect` tells, by service."""

    def __init__(self, port):
        self.port = port
        self.environment = {
            **os.environ,
            "COMPOSE_PROFILES": "all",
            "LAB_SUBNET": NETWORK,
            "LAB_PAGE_SUBNET": PAGE,
            "LAB_PAGE_PORT": str(port),
            "LAB_WORKERS": str(WORKERS),
        }

    def compose(self, *arguments):
        return docker("compose", "--project-name", PROJECT, *arguments, env=self.environment)

    def inspect(self):
        ids = docker("ps", "-aq", *MINE, *CONTAINER).split()
        self.containers = json.loads(docker("inspect", *ids))
        self.by_service = {
            one["Config"]["Labels"]["com.docker.compose.service"]: one for one in self.containers
        }
        self.running = [one for one in self.containers if one["State"]["Running"]]

    def host(self, service):
        return self.by_service[service]["NetworkSettings"]["Networks"][f"{PROJECT}_lab"][
            "IPAddress"
        ]

    def meter(self, service):
        with socket.create_connection((self.host(service), 7000), DEADLINE) as client:
            return json.loads(client.makefile().read())

    def state(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/lab/state") as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def lab():
    try:
        docker("compose", "version")
        docker("info")
    except (OSError, AssertionError) as error:
        absent(f"no container engine with Compose: {error}")
    lab = Lab(free_port())
    try:
        docker("compose", "build")
    except AssertionError as error:
        absent(f"the images cannot be built: {str(error).splitlines()[-1]}")
    try:
        lab.compose("up", "--detach", "--scale", f"worker={WORKERS}")
        lab.inspect()
        yield lab
    finally:
        begun = str(time.time())
        lab.compose("down", "--remove-orphans")
        assert docker("ps", "-aq", *MINE, *CONTAINER) == ""
        assert docker("network", "ls", "-q", *MINE) == ""
    ends = docker(
        "events",
        "--since",
        begun,
        "--until",
        str(time.time()),
        *MINE,
        *CONTAINER,
        "--filter",
        "event=die",
        "--format",
        NAME_AND_CODE,
    )
    codes = dict(end.split() for end in ends.splitlines())
    assert len(codes) == len(lab.running)
    assert set(codes.values()) == {"0"}, codes  # each heard SIGTERM, and ended by itself


def test_every_server_is_up_and_has_answered_before_the_load(lab):
    up = {one["Config"]["Labels"]["com.docker.compose.service"] for one in lab.running}
    assert up == {*SERVERS, "master", "worker"}
    assert len(lab.running) == len(SERVERS) + 1 + WORKERS
    said = docker("logs", lab.by_service["ready"]["Id"])
    assert sorted(said.splitlines()) == sorted(f"{name}: ready" for name in SERVERS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_in_a_container_answers_in_every_protocol_that_it_speaks(lab, protocol):
    for name, server in SERVERS.items():
        if server.speaks(protocol):
            address = lab.host(name), port_of(protocol, 7001)
            verify(address, protocol, DEADLINE, exact=is_exact(name))


def test_the_page_is_there_and_has_all_workers_each_with_a_load_engine(lab):
    end = time.monotonic() + DEADLINE
    while len(lab.state()["engines"]) < WORKERS:
        assert time.monotonic() < end, lab.state()
        time.sleep(0.1)
    with urllib.request.urlopen(f"http://127.0.0.1:{lab.port}/") as page:
        assert b"<html" in page.read()


def test_idle_servers_use_no_cpu(lab):
    names = [name for name, server in SERVERS.items() if not server.spins]
    spinning = [name for name, server in SERVERS.items() if server.spins]
    end = time.monotonic() + DEADLINE
    while any(held for name in spinning for held in lab.meter(name)["sockets"].values()):
        assert time.monotonic() < end
        time.sleep(0.5)
    before = {name: lab.meter(name) for name in names + spinning}
    time.sleep(3)
    after = {name: lab.meter(name) for name in before}
    used = {name: after[name]["cpu_ns"] - before[name]["cpu_ns"] for name in before}
    passed = after["epoll"]["monotonic_ns"] - before["epoll"]["monotonic_ns"]
    # of one CPU, and the meter's own readings among it
    assert sum(used.values()) < 0.1 * passed, used


def test_the_meter_knows_the_container_from_inside(lab):
    reading = lab.meter("epoll")
    assert not [name for name, value in reading.items() if value is None]
    assert 1 << 20 < reading["memory_bytes"] < 1 << 30
    assert reading["io_uring"] is True


def test_by_what_the_engine_says_no_container_may_do_more_than_it_must(lab):
    for one in lab.containers:
        config, limits = one["Config"], one["HostConfig"]
        facts = {
            "user": config["User"],
            "read_only": limits["ReadonlyRootfs"],
            "drop": limits["CapDrop"],
            "add": limits["CapAdd"],
            "privileged": limits["Privileged"],
            "mounts": one["Mounts"],
            "binds": limits["Binds"],
            "label": config["Labels"]["org.iolab.project"],
        }
        assert facts == {
            "user": "65532:65532",
            "read_only": True,
            "drop": ["ALL"],
            "add": None,
            "privileged": False,
            "mounts": [],
            "binds": None,
            "label": "io-lab",
        }, one["Name"]
        assert "no-new-privileges:true" in limits["SecurityOpt"]
        assert not any("unconfined" in option for option in limits["SecurityOpt"])
        assert 0 < limits["PidsLimit"] <= 4096
        assert 0 < limits["Memory"] <= 2 << 30
        assert "noexec" in limits["Tmpfs"]["/tmp"]


def test_only_the_page_is_published_and_all_are_in_the_labs_own_networks(lab):
    published = [
        (one["Config"]["Labels"]["com.docker.compose.service"], bound["HostIp"], bound["HostPort"])
        for one in lab.containers
        for bindings in (one["HostConfig"]["PortBindings"] or {}).values()
        for bound in bindings
    ]
    assert published == [("master", "127.0.0.1", str(lab.port))]
    for one in lab.running:
        networks = set(one["NetworkSettings"]["Networks"])
        page = {f"{PROJECT}_page"} if one is lab.by_service["master"] else set()
        assert networks == {f"{PROJECT}_lab"} | page
    assert all(ip_address(lab.host(name)) in ip_network(NETWORK) for name in SERVERS)


INSIDE = r"""
import os, socket
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
def can(what):
    try:
        what()
    except OSError:
        return False
    return True
def run():
    with open("/tmp/run", "w") as file:
        file.write("#!/bin/sh\n")
    os.chmod("/tmp/run", 0o700)
    os.execv("/tmp/run", ["/tmp/run"])
print(
    os.getuid(), os.getgid(), int(status["CapEff"], 16), int(status["CapBnd"], 16),
    int(status["NoNewPrivs"]), int(status["Seccomp"]),
    can(lambda: open("/app/new", "w")), can(lambda: open("/etc/new", "w")),
    can(lambda: open("/tmp/new", "w")), can(run),
)
"""


def test_from_inside_every_container_is_as_small_as_that(lab):
    for one in lab.running:
        told = docker("exec", one["Id"], "python", "-c", INSIDE).split()
        assert told == ["65532", "65532", "0", "0", "1", "2", "False", "False", "True", "False"], (
            one["Name"]
        )


def test_the_servers_network_has_no_way_out(lab):
    [network] = json.loads(docker("network", "inspect", f"{PROJECT}_lab"))
    assert network["Internal"] is True
    assert network["Labels"]["org.iolab.project"] == "io-lab"
