"""What containers of `lab run --backend docker` and the images may not: asserted, and tried.

Those of `docker compose up` are held against the same lists in test_compose.py.
"""

import copy
import io
import json
import os
import subprocess
import tarfile

import pytest

from lab.backends import containers, locust_containers
from lab.backends.contract import StartOptions
from lab.backends.docker import opened
from lab.errors import EnvironmentUnfit
from tests.integration import hardening

pytestmark = pytest.mark.slow
LABEL = f"tests@{os.getpid()}"
PATIENCE_S = 120
IMAGES = {"server": containers.image_name, "locust": locust_containers.locust_image}
SERVER_MB = 250  # megabytes, at most
FEW = 24  # processes, in a container that tries to have more


@pytest.fixture(scope="module")
def engine():
    try:
        client = containers.connect()
        for name in IMAGES.values():
            containers.image_id(client, name())
    except EnvironmentUnfit as why:
        if os.environ.get("CI"):
            pytest.fail(str(why))
        pytest.skip(str(why))
    yield client
    client.close()


@pytest.fixture
def backend(engine):
    """A network of its own for each test: to `lab clean`, pytest is no living lab."""
    with opened(engine, containers.image_name(), LABEL) as made:
        yield made
    assert [one for one in containers.left(engine) if one.run == LABEL] == []


def inspected(container):
    done = subprocess.run(["docker", "inspect", container.id], capture_output=True, check=True)
    return json.loads(done.stdout)[0]


@pytest.mark.parametrize(
    ("server", "ring"), [("epoll", False), ("epoll", True), ("io-uring", True)]
)
def test_a_servers_container_is_confined_and_has_io_uring_where_an_experiment_needs_it(
    backend, server, ring
):
    options = StartOptions(label=LABEL, deadline=PATIENCE_S, io_uring=ring)
    with backend.start(server, "echo", options) as target:
        one = inspected(target.container)
        networks = {backend.network.name}
        assert hardening.deviations(one, networks=networks, io_uring=ring) == []
        assert hardening.inside(one["Id"], io_uring=ring) == {}


def test_the_containers_of_locust_are_confined(backend, tmp_path):
    given = {"workers": 1, "web_port": 0, "label": LABEL, "log_dir": tmp_path}
    found = locust_containers.start(backend.client, backend.network, **given)
    try:
        for container, _ in found._running.values():
            one = inspected(container)
            networks = {backend.network.name}
            assert hardening.deviations(one, networks=networks, io_uring=False) == []
            assert hardening.inside(one["Id"], io_uring=False) == {}
    finally:
        found.stop()


BOMB = f"""
import os, sys
for count in range({10 * FEW}):  # bounded: where nothing stops it, this does
    try:
        if os.fork() == 0:
            import signal
            signal.pause()
    except BlockingIOError:
        break
print(count)
"""


def test_a_fork_bomb_ends_at_the_limit_and_with_its_container(backend):
    made = containers.create(
        backend.client,
        LABEL,
        containers.image_name(),
        entrypoint=["python", "-c", BOMB],
        network_mode="none",
        pids_limit=FEW,
    )
    try:
        made.start()
        assert made.wait(timeout=PATIENCE_S)["StatusCode"] == 0
        assert 0 < int(made.logs()) < FEW
    finally:
        made.remove(force=True)


@pytest.mark.parametrize("name", IMAGES)
def test_no_file_of_an_image_raises_rights_and_its_user_is_a_number(engine, name):
    image = engine.images.get(IMAGES[name]())
    config = image.attrs["Config"]
    assert config["User"] == hardening.USER
    assert not config.get("Volumes")
    assert not any("TOKEN" in pair or "PASSWORD" in pair for pair in config["Env"])
    made = containers.create(engine, LABEL, image.id)
    try:
        raising, writable = [], []
        with tarfile.open(fileobj=Stream(made.export()), mode="r|") as files:
            for file in files:
                if not file.isfile():
                    continue
                if file.mode & 0o6000 or "security.capability" in str(file.pax_headers):
                    raising.append(file.name)
                if file.uid == 65532 or file.mode & 0o002:
                    writable.append(file.name)
    finally:
        made.remove(force=True)
    assert (raising, writable) == ([], [])


class Stream(io.RawIOBase):
    """Pieces as a file."""

    def __init__(self, pieces):
        self.pieces, self.rest = iter(pieces), b""

    def readable(self):
        return True

    def readinto(self, buffer):
        while not self.rest:
            self.rest = next(self.pieces, None)
            if self.rest is None:
                self.rest = b""
                return 0
        taken, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def test_the_servers_image_is_small(engine):
    size = engine.images.get(containers.image_name()).attrs["Size"]
    assert size <= SERVER_MB * 1_000_000


# that the list has teeth


@pytest.fixture(scope="module")
def confined(engine):
    """What inspect says of a container of ours, which never runs."""
    made = containers.create(engine, LABEL, containers.image_name(), network_mode="none")
    one = inspected(made)
    made.remove(force=True)
    return one


def of(one, **how):
    return hardening.deviations(one, networks=set(), **{"io_uring": False, **how})


def test_what_the_lab_makes_does_not_deviate(confined):
    one = copy.deepcopy(confined)
    one["NetworkSettings"]["Networks"] = {}
    assert of(one) == []
    assert len(of(one, io_uring=True)) == 1
    assert len(of(one, published=[("127.0.0.1", "8089")])) == 1


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("Config", "User", ""),
        ("Config", "User", "root"),
        ("Config", "Labels", {}),
        ("Config", "Healthcheck", {"Test": ["CMD", "true"]}),
        ("HostConfig", "ReadonlyRootfs", False),
        ("HostConfig", "CapDrop", None),
        ("HostConfig", "CapAdd", ["NET_RAW"]),
        ("HostConfig", "Privileged", True),
        ("HostConfig", "SecurityOpt", ["no-new-privileges:true"]),
        ("HostConfig", "PidsLimit", None),
        ("HostConfig", "PidsLimit", -1),
        ("HostConfig", "MemorySwap", -1),
        ("HostConfig", "Tmpfs", None),
        ("HostConfig", "Tmpfs", {"/tmp": "rw,nosuid,nodev"}),
        ("HostConfig", "Binds", ["/:/host"]),
        ("HostConfig", "VolumesFrom", ["x"]),
        ("HostConfig", "Devices", [{"PathOnHost": "/dev/kvm"}]),
        ("HostConfig", "Init", None),
        ("HostConfig", "GroupAdd", ["0"]),
        ("HostConfig", "RestartPolicy", {"Name": "always"}),
        ("HostConfig", "PidMode", "host"),
        ("HostConfig", "IpcMode", "host"),
        ("HostConfig", "NetworkMode", "host"),
        ("HostConfig", "PublishAllPorts", True),
        ("HostConfig", "PortBindings", {"80/tcp": [{"HostIp": "", "HostPort": "80"}]}),
        ("NetworkSettings", "Networks", {"bridge": {}}),
    ],
)
def test_one_thing_that_is_not_as_it_must_be_is_named(confined, part, key, value):
    one = copy.deepcopy(confined)
    one["NetworkSettings"]["Networks"] = {}
    one[part][key] = value
    assert len(of(one)) == 1


def test_a_seccomp_profile_that_confines_nothing_is_none(confined):
    one = copy.deepcopy(confined)
    one["NetworkSettings"]["Networks"] = {}
    open_door = json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []})
    for options in (["seccomp=unconfined"], [f"seccomp={open_door}"], ["apparmor=unconfined"]):
        one["HostConfig"]["SecurityOpt"] = ["no-new-privileges:true", *options]
        assert of(one)
