"""What goes wrong with an engine, really: each is one clear line, and nothing is left or lost.

The engine is shared, so what has to be restarted is one of the test's own: another dockerd with its
own data, socket and network namespace, and the lab in that namespace too. It takes root. Without
the namespace a second dockerd would tear down the bridge and the firewall rules of the first one.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from lab.backends import containers, networks
from lab.backends.contract import StartOptions
from lab.backends.docker import opened
from lab.config import load
from lab.errors import EnvironmentUnfit
from lab.gates import check
from lab.plan import expand
from tests.integration.test_docker import (
    TINY,
    command,
    left_of,
    records,
    run_words,
    voids,
    wait_for,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
LABEL = f"tests@{os.getpid()}"
PATIENCE_S = 120
UP_S = 60  # for an engine to start
ROOT = Path(__file__).parents[2]
LINE = "the Docker engine"


@pytest.fixture(scope="module")
def engine():
    try:
        client = containers.connect()
        containers.image_id(client, containers.image_name())
    except EnvironmentUnfit as why:
        if os.environ.get("CI"):
            pytest.fail(str(why))
        pytest.skip(str(why))
    yield client
    client.close()


def ended(words, **environment):
    """Exit code and the lines of stderr of a command that fails."""
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        timeout=PATIENCE_S,
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.usefixtures("engine")
def test_an_image_that_is_missing_is_one_line_with_its_remedy(tmp_path):
    code, lines = ended(run_words(tmp_path, "tiny"), LAB_SERVER_IMAGE="io-lab-nobody:1")
    assert code == 5
    assert len(lines) == 1
    assert "there is no image io-lab-nobody:1. Build it: make images" in lines[0]
    assert not (tmp_path / "last").exists()


def test_a_subnet_that_is_taken_is_one_line_with_its_remedy(tmp_path, engine):
    with networks.network(engine, LABEL) as taken:
        code, lines = ended(run_words(tmp_path, "tiny"), LAB_POOL=str(taken.subnet))
        assert code == 5
        assert f"no subnet of {taken.subnet} is free" in lines[-1]
        assert "LAB_POOL=" in lines[-1]
        assert "lab clean" in lines[-1]
        (left,) = [one for one in containers.left(engine) if one.run == LABEL]
        assert (left.containers, left.networks) == (0, 1)


def test_a_name_that_is_taken_is_stepped_over(engine):
    free = next(networks.free_subnets(networks.pool(), taken_subnets(engine)))
    name = f"{containers.NAME}-{free.network_address}"
    other = engine.networks.create(name, driver="bridge", internal=True)
    try:
        with networks.network(engine, LABEL) as found:
            assert found.name != name
    finally:
        other.remove()


def taken_subnets(engine):
    return [*networks.engine_subnets(engine), *networks.host_subnets()]


def test_a_server_without_memory_is_void_with_its_reason(engine, monkeypatch):
    """Clients that ask for 16 MiB each and read nothing, of a server with 64 MiB."""
    monkeypatch.setattr(containers, "MEMORY", "64m")
    options = StartOptions(label=LABEL, deadline=PATIENCE_S)
    with opened(engine, containers.image_name(), LABEL) as backend:
        target = backend.start("epoll", "http", options)
        with contextlib.ExitStack() as clients, target:
            for _ in range(8):
                client = clients.enter_context(socket.create_connection(target.address, 30))
                with contextlib.suppress(OSError):  # it has gone already
                    client.sendall(b"GET /bytes/16777216 HTTP/1.1\r\nHost: lab\r\n\r\n")
            wait_for(lambda: not target.alive())
            end = target.stop(5)
    assert end.exit_code == -signal.SIGKILL
    assert "the kernel ended it: above the limit" in end.stderr.splitlines()[-1]


COMPOSE_V1 = """#!/bin/sh
test "$1" = compose && { echo "docker: 'compose' is not a docker command." >&2; exit 1; }
echo 1.29.2
"""


def test_the_compose_of_old_is_one_line_with_its_remedy(tmp_path):
    for name in ("docker", "docker-compose"):
        (tmp_path / name).write_text(COMPOSE_V1)
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    for verb in ("images", "up"):
        code, lines = ended(["make", "-C", str(ROOT), verb], PATH=path)
        said = [line for line in lines if not line.startswith("make[")]
        assert code != 0
        assert "needs Docker Compose 2.20 or later" in said[0]


def test_a_lab_in_a_network_that_is_taken_leaves_nothing(engine):
    project = f"io-lab-taken-{os.getpid()}"
    with networks.network(engine, LABEL) as taken:
        environment = {"LAB_SUBNET": str(taken.subnet), "COMPOSE_PROFILES": "polling"}
        words = ["docker", "compose", "--project-name", project, "--project-directory", str(ROOT)]
        try:
            code, lines = ended([*words, "up", "--detach", "nonblocking"], **environment)
            assert code != 0
            assert "verlap" in lines[-1]  # docs/containers.md has the remedy
        finally:
            ended([*words, "down"], **environment)
    mine = {"label": f"com.docker.compose.project={project}"}
    assert engine.networks.list(filters=mine) == []


class OwnEngine:
    """A dockerd beside the shared one, in a network namespace."""

    def __init__(self, folder):
        self.folder, self.process = folder, None
        self.host = f"unix://{folder}/sock"
        self.space = f"io-lab-engine-{os.getpid()}"
        # not `ip netns exec`, which would hide /sys/fs/cgroup behind a /sys of its own
        self.inside = ("nsenter", f"--net=/run/netns/{self.space}")

    def open(self):
        subprocess.run(["ip", "netns", "add", self.space], check=True)
        subprocess.run(["ip", "-n", self.space, "link", "set", "lo", "up"], check=True)

    def close(self):
        subprocess.run(["ip", "netns", "delete", self.space], check=True)

    def run_lab(self, results):
        words = [*self.inside, *run_words(results, "long")]  # which becomes the lab: the same pid
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def start(self):
        folder = self.folder
        words = [*self.inside, "dockerd", "--host", self.host, "--data-root", f"{folder}/data"]
        words += ["--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid", "--bridge=none"]
        words += ["--iptables=false", "--ip-forward=false", "--ip-masq=false"]
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + UP_S
        while self.docker("version").returncode:
            assert self.process.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < end
            time.sleep(0.1)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(UP_S)

    def docker(self, *words, **options):
        words = ["docker", "--host", self.host, *words]
        return subprocess.run(words, capture_output=True, check=False, **options)


@pytest.fixture(scope="module")
def own():
    if os.geteuid() or not all(map(shutil.which, ("dockerd", "ip", "nsenter"))):
        pytest.skip("an engine of one's own takes root, dockerd, ip(8) and nsenter(1)")
    with tempfile.TemporaryDirectory(prefix="io-lab-") as folder:
        made = OwnEngine(Path(folder))
        made.open()
        try:
            made.start()
            name = containers.image_name()
            with subprocess.Popen(["docker", "save", name], stdout=subprocess.PIPE) as saved:
                loaded = made.docker("load", stdin=saved.stdout)
            assert loaded.returncode == 0, loaded.stderr
            yield made
        finally:
            made.docker("system", "prune", "--all", "--force")
            made.stop()
            made.close()


@pytest.fixture
def own_client(own, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", own.host)
    client = containers.connect()
    yield client
    client.close()


def test_an_engine_restarted_in_mid_run_costs_a_trial_and_not_the_run(tmp_path, own, own_client):
    lab = own.run_lab(tmp_path)
    try:
        wait_for(lambda: len(records(tmp_path)) >= 2, lab)
        own.stop()
        own.start()
        before = len(records(tmp_path))
        wait_for(lambda: len(records(tmp_path)) >= before + 2, lab)
    finally:
        lab.send_signal(signal.SIGINT)
        _, err = lab.communicate(timeout=PATIENCE_S)
    assert lab.returncode == 130, err
    assert "Traceback" not in err
    assert left_of(own_client, lab) == []
    found = records(tmp_path)
    lost = [r for r in found if set(voids(r)) & {"server-died", "trial-broke"}]
    assert lost
    cells = {cell.id: cell for cell in expand(load(TINY), (), "long", 1).cells}
    why = [g.why for r in lost for g in check(r, cells[r.cell]) if g.state == "void"]
    assert any("restarted" in words for words in why), why
    assert len(lost) <= 4, why  # the one that ran, and the attempts at one while it went down
    assert found[-1] not in lost


def test_an_engine_that_is_gone_at_the_end_of_a_run_is_said_and_clean_removes_it_all(
    tmp_path, own, own_client
):
    lab = own.run_lab(tmp_path)
    wait_for(lambda: records(tmp_path), lab)
    own.stop()
    try:
        lab.send_signal(signal.SIGINT)
        _, err = lab.communicate(timeout=PATIENCE_S)
    finally:
        own.start()
    assert lab.returncode == 5
    said = err.splitlines()[-1]
    assert "does not answer" in said
    assert "What was finished is kept" in said
    assert records(tmp_path)
    assert left_of(own_client, lab)
    done = subprocess.run(command("clean"), capture_output=True, text=True, check=True)
    assert "removed" in done.stdout
    assert left_of(own_client, lab) == []
