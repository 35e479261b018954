"""Servers in real containers: what they may, what is metered, and that nothing of them is left.

Needs an engine and the image (`make images`). In CI (CI=true) a missing one is a failure.
Containers are found by the run's label and the lab that owns it; others' are left alone.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.backends import containers, locust_containers, networks
from lab.backends.containers import RUN
from lab.backends.contract import StartFailed, StartOptions
from lab.backends.docker import opened
from lab.backends.leftovers import leftovers
from lab.cleaning import owner
from lab.config import load
from lab.errors import EnvironmentUnfit
from lab.meter import Gone, cpu_clock_ns
from lab.plan import expand
from lab.record import Record

pytestmark = pytest.mark.slow
TINY = Path(__file__).with_name("tiny.yaml")
PATIENCE_S = 120  # a busy engine takes seconds to end a container
LABEL = f"tests@{os.getpid()}"


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


@pytest.fixture
def backend(engine):
    """A network of its own for each test: to `lab clean`, pytest is no living lab."""
    with opened(engine, containers.image_name(), LABEL) as made:
        yield made
    assert [one for one in containers.left(engine) if one.run == LABEL] == []


def options(**changes):
    cpu = max(os.sched_getaffinity(0))
    return StartOptions(label=LABEL, cpu=cpu, deadline=PATIENCE_S, **changes)


# one server


def test_a_server_answers_at_its_own_address_and_ends(backend, engine):
    with backend.start("epoll", "http", options(port=20_123)) as target:
        assert target.address == (backend.network.server, 20_123)
        target.verify("http")
        assert target.alive()
        end = target.stop(5)
    assert (end.exit_code, end.counters, end.stderr, end.escaped) == (0, {"refused": 0}, "", 0)
    with pytest.raises(Gone):
        target.meter.read()
    assert engine.containers.list(all=True, filters={"label": f"{RUN}={LABEL}"}) == []


def test_a_container_may_next_to_nothing(backend):
    with backend.start("epoll", "echo", options(nofile=77)) as target:
        lines = Path(f"/proc/{target.pid}/status").read_text().splitlines()
        status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
        assert set(status["Uid"] + status["Gid"]) == {"65532"}
        assert {status[f"Cap{kind}"][0] for kind in ("Inh", "Prm", "Eff", "Bnd")} == {"0" * 16}
        assert (status["NoNewPrivs"], status["Seccomp"]) == (["1"], ["2"])
        assert status["Cpus_allowed_list"] == [str(max(os.sched_getaffinity(0)))]
        mounts = Path(f"/proc/{target.pid}/mountinfo").read_text().splitlines()
        ways = {mount.split()[4]: set(mount.split()[5].split(",")) for mount in mounts}
        assert "ro" in ways["/"]
        assert {"noexec", "nosuid", "nodev"} <= ways["/tmp"]
        assert (
            "77" in Path(f"/proc/{target.pid}/limits").read_text().split("Max open files")[1][:30]
        )
        held = target.container.attrs
        assert held["NetworkSettings"]["Ports"] in ({}, None)
        assert held["Mounts"] == []
        assert (held["HostConfig"]["Privileged"], held["HostConfig"]["PidsLimit"]) == (False, 4096)
        assert list(held["NetworkSettings"]["Networks"]) == [backend.network.name]


def test_the_network_has_no_way_out(backend, engine):
    (found,) = engine.networks.list(names=[backend.network.name])
    assert found.attrs["Internal"] is True


def test_the_groups_account_grows_as_the_clock_of_the_process_does(backend):
    with backend.start("epoll", "echo", options()) as target:
        with socket.create_connection(target.address, 30) as client:
            client.sendall(b"a")
            client.recv(1)
            before, clock = target.meter.read(), cpu_clock_ns(target.pid)
            for _ in range(20_000):
                client.sendall(b"a" * 64)
                client.recv(64)
            after, clock = target.meter.glance(), cpu_clock_ns(target.pid) - clock
        used = after.cpu_ns - before.cpu_ns
        assert used == pytest.approx(clock, rel=0.02, abs=10_000_000)  # two ticks
        assert used > 50_000_000
        assert after.bracket_ns < 1_000_000
        assert target.stop(5).cpu_ns >= after.cpu_ns


def test_forked_children_are_in_the_account_and_in_the_footprint(backend):
    with backend.start("processes", "echo", options()) as target:
        idle = target.meter.footprint()
        assert target.meter.read().processes == 1
        clients = [socket.create_connection(target.address, 30) for _ in range(5)]
        for client in clients:
            client.sendall(b"a")
            assert client.recv(1) == b"A"
        found = target.meter.footprint()
        assert (target.meter.read().processes, found.threads) == (6, 6 * idle.threads)
        assert found.sockets == idle.sockets + 5 == target.meter.sockets()
        assert found.pss_bytes > idle.pss_bytes
        assert found.memory_bytes > idle.memory_bytes > 0
        assert (found.throttled, found.listen_drops) == (0, 0)
        end = target.stop(5)
        for client in clients:
            client.close()
    assert (end.exit_code, end.escaped) == (0, 0)
    assert end.cpu_ns > 0


def test_a_paused_server_is_silent_and_can_be_stopped(backend):
    with backend.start("epoll", "echo", options()) as target:
        target.pause()
        with socket.create_connection(target.address, 30) as client:
            client.sendall(b"a")
            client.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.recv(1)
            target.resume()
            client.settimeout(30)
            assert client.recv(1) == b"A"
        target.pause()
        assert target.alive()
        assert target.stop(5).exit_code == 0


def test_a_server_that_is_killed_is_seen_and_its_signal_told(backend):
    with backend.start("epoll", "echo", options()) as target:
        target.container.kill("SIGKILL")
        wait_for(lambda: not target.alive())
        assert target.stop(5).exit_code == -9


@pytest.mark.parametrize(
    ("server", "changes", "why", "code"),
    [
        ("nope", {}, 'exit code 2: servers: no server "nope"', 2),
        ("epoll", {"nofile": 2**31 - 1}, "exit code 5: .* above the hard limit", 5),
    ],
)
def test_a_server_that_does_not_start_says_why(backend, server, changes, why, code):
    with pytest.raises(StartFailed, match=why) as caught:
        backend.start(server, "echo", options(**changes))
    assert caught.value.code == code


def test_a_cpu_that_is_not_there_is_no_start(backend):
    with pytest.raises(StartFailed, match="CPU"):
        backend.start("epoll", "echo", StartOptions(label=LABEL, cpu=1023))


def test_starting_and_ending_leaks_no_descriptor(backend):
    def held():
        return len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(4):  # the SDK keeps a connection for each of the last 25 addresses it asked
        backend.start("epoll", "echo", options()).stop(5)
    before = held()
    for _ in range(2):
        backend.start("epoll", "echo", options()).stop(5)
    assert held() <= before


def test_two_runs_have_two_subnets(backend, engine):
    with networks.network(engine, LABEL + "0") as other:
        assert not other.subnet.overlaps(backend.network.subnet)


# whole runs


def command(*words):
    return [sys.executable, "-m", "lab", *map(str, words)]


def run_words(results, profile, backend="docker"):
    words = ["run", "--lab", TINY, "--profile", profile, "--results", results]
    return command(*words, "--backend", backend)


def start_lab(results):
    return subprocess.Popen(
        run_words(results, "long"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(what, process=None):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        assert process is None or process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    raise AssertionError(f"{what} did not come true")


def records(results):
    path = results / "last" / "trials.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [Record.model_validate_json(line) for line in lines]


def left_of(engine, process):
    """Containers, networks and processes that a lab's run has left."""
    runs = [one for one in containers.left(engine) if owner(one.run) == process.pid]
    return runs + [one for one in leftovers() if owner(one.run) == process.pid]


def container_of(engine, process):
    """The running server of a lab's run."""
    for one in engine.containers.list(filters={"label": RUN}, ignore_removed=True):
        label = one.labels[RUN]
        if owner(label) == process.pid and not label.startswith("look@"):
            return one
    return None


def voids(record):
    return [found.gate for found in record.gates if found.state == "void"]


def test_a_whole_run_is_as_on_the_other_backend_and_leaves_nothing(tmp_path, engine):
    plans = {}
    for backend in ("docker", "process"):
        results = tmp_path / backend
        words = run_words(results, "tiny", backend)
        with subprocess.Popen(words, stdout=-1, stderr=-1, text=True) as lab:
            out, err = lab.communicate(timeout=PATIENCE_S)
        assert lab.returncode == 0, err
        assert "pair-differs" in out
        assert left_of(engine, lab) == []
        facts = json.loads((results / "last" / "run.json").read_text())
        assert (facts["backend"], facts["how"]) == (backend, "finished")
        assert ("image" in facts["machine"]) is (backend == "docker")
        made = records(results)
        assert {record.cell for record in made} <= {"pair/select", "pair/epoll"}
        assert made
        for record in made:
            assert record.error == ""
            assert not set(voids(record)) & {"server-died", "meter-closure", "census"}
            assert record.meter.ready.sockets - record.meter.idle.sockets == 22
            assert record.server.exit_code == 0
            assert record.server.closure_cpu_ns >= record.server.last_cpu_ns > 0
            assert (record.meter.ready.memory_bytes > 0) is (backend == "docker")
        plans[backend] = (results / "last" / "plan.json").read_bytes()
    assert plans["docker"] == plans["process"]
    assert (
        json.loads(plans["docker"])["trials"][0]["id"]
        == expand(load(TINY), (), "tiny", 1).trials[0].id
    )


def test_a_killed_container_voids_its_trial_and_the_run_goes_on(tmp_path, engine):
    lab = start_lab(tmp_path)

    def under_load():
        one = container_of(engine, lab)
        if one is None or not records(tmp_path):
            return None
        listed = one.top()["Processes"]  # of this machine: pid is the second column
        fds = Path(f"/proc/{listed[-1][1]}/fd")
        return one if fds.exists() and len(list(fds.iterdir())) > 22 else None

    wait_for(under_load, lab).kill()
    before = len(records(tmp_path))
    wait_for(lambda: len(records(tmp_path)) >= before + 2, lab)
    lab.send_signal(signal.SIGINT)
    lab.communicate(timeout=PATIENCE_S)
    hit = [record for record in records(tmp_path) if "server-died" in voids(record)]
    assert len(hit) == 1
    assert left_of(engine, lab) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_removes_all_of_it(tmp_path, engine, number, code):
    lab = start_lab(tmp_path)
    wait_for(lambda: records(tmp_path) and container_of(engine, lab), lab)
    lab.send_signal(number)
    out, err = lab.communicate(timeout=PATIENCE_S)
    assert lab.returncode == code, err
    assert left_of(engine, lab) == []
    assert "pair-differs" in out
    assert "Traceback" not in err


def test_a_killed_lab_is_cleaned_up_by_label_and_nothing_else_is_touched(tmp_path, engine):
    other = engine.containers.create(
        containers.image_name(), labels={containers.PROJECT: containers.NAME}
    )
    lab = start_lab(tmp_path)
    try:
        wait_for(lambda: container_of(engine, lab), lab)
        lab.kill()
        lab.communicate()
        assert left_of(engine, lab)
        done = subprocess.run(command("clean"), capture_output=True, text=True, check=True)
        assert left_of(engine, lab) == []
        assert "removed" in done.stdout
        other.reload()  # docker compose's: it is still there
    finally:
        other.remove(force=True)


def test_without_an_engine_it_is_one_clear_line(tmp_path):
    done = subprocess.run(
        run_words(tmp_path, "tiny"),
        capture_output=True,
        text=True,
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere.sock"},
        check=False,
    )
    assert done.returncode == 5
    (line,) = done.stderr.splitlines()
    assert "the Docker engine does not answer" in line


# Locust in containers, too


@pytest.fixture
def locust_image(engine):
    name = locust_containers.locust_image()
    try:
        containers.image_id(engine, name)
    except EnvironmentUnfit as why:
        if os.environ.get("CI"):
            pytest.fail(str(why))
        pytest.skip(str(why))


@pytest.mark.usefixtures("locust_image")
def test_a_run_with_locust_in_containers_counts_the_same_and_leaves_nothing(tmp_path, engine):
    words = [*run_words(tmp_path, "tiny"), "--locust", "docker"]
    with subprocess.Popen(words, stdout=-1, stderr=-1, text=True) as lab:
        out, err = lab.communicate(timeout=PATIENCE_S)
    assert lab.returncode == 0, err
    assert "pair-differs" in out
    assert left_of(engine, lab) == []
    made = records(tmp_path)
    assert made
    for record in made:
        assert record.error == ""
        assert not set(voids(record)) & {"server-died", "conservation", "census"}
        assert record.locust.requests > 0
    assert (tmp_path / "last" / "locust-worker-1.log").stat().st_size > 0


@pytest.mark.usefixtures("locust_image")
def test_a_killed_worker_container_voids_its_trial_and_is_replaced(tmp_path, engine):
    words = [*run_words(tmp_path, "long"), "--locust", "docker"]
    lab = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def worker():
        for one in engine.containers.list(filters={"label": RUN}, ignore_removed=True):
            if owner(one.labels[RUN]) == lab.pid and "--worker" in one.attrs["Args"]:
                return one
        return None

    wait_for(lambda: records(tmp_path) and worker(), lab).kill()
    before = len(records(tmp_path))
    wait_for(lambda: [r for r in records(tmp_path)[before:] if not r.error and r.locust], lab)
    lab.send_signal(signal.SIGINT)
    lab.communicate(timeout=PATIENCE_S)
    hit = [record for record in records(tmp_path) if "conservation" in voids(record)]
    assert len(hit) >= 1
    assert left_of(engine, lab) == []


def test_locust_in_containers_beside_local_servers_is_one_clear_line(tmp_path):
    done = subprocess.run(
        [*run_words(tmp_path, "tiny", "process"), "--locust", "docker"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "--backend docker" in line
