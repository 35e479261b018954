"""One server in four places, really: where each stands, who reaches it, and that nothing is left.

Needs an engine and the image (`make images`). In CI (CI=true) a missing one is a failure.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab.backends import containers
from lab.backends.contract import StartFailed, StartOptions
from lab.backends.docker import opened
from lab.cleaning import owner
from lab.errors import EnvironmentUnfit
from lab.record import Record

pytestmark = pytest.mark.slow
PLACES = Path(__file__).with_name("tax.yaml")
PATIENCE_S = 120  # a busy engine takes seconds to end a container
LABEL = f"tax@{os.getpid()}"


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
    with opened(engine, containers.image_name(), LABEL) as made:
        yield made
    assert [one for one in containers.left(engine) if one.run == LABEL] == []


def options(network, port=0):
    return StartOptions(network=network, label=LABEL, deadline=PATIENCE_S, port=port or free_port())


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.mark.parametrize("network", ["loopback", "host", "bridge", "published"])
def test_a_server_is_reached_over_its_network_metered_and_ended(backend, network):
    given = options(network)
    with backend.start("epoll", "echo", given) as target:
        host = backend.network.server if network == "bridge" else "127.0.0.1"
        assert target.address == (host, given.port)
        target.verify("echo")
        before = target.meter.read().cpu_ns
        target.verify("echo")
        assert target.meter.read().cpu_ns > before
        assert target.stop(5).exit_code == 0


def test_a_container_in_the_machines_network_is_bound_to_loopback_and_as_confined_as_any(backend):
    with backend.start("epoll", "echo", options("host")) as target:
        held = target.container.attrs["HostConfig"]
        assert held["NetworkMode"] == "host"
        assert (held["CapDrop"], held["ReadonlyRootfs"], held["Privileged"]) == (
            ["ALL"],
            True,
            False,
        )
        inside = Path(f"/proc/{target.pid}/ns/net").readlink()
        assert inside == Path("/proc/self/ns/net").readlink()
        (listening,) = listeners(target.address[1])
        assert listening == "0100007F"  # 127.0.0.1, as proc(5) writes it here


def listeners(port):
    """The addresses on which somebody listens on a port of this machine's."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [
        row[1].partition(":")[0]
        for row in rows
        if row[3] == "0A" and int(row[1].partition(":")[2], 16) == port
    ]


def test_a_published_port_is_on_loopback_only_in_a_network_without_a_way_out(backend, engine):
    with backend.start("epoll", "echo", options("published")) as target:
        port = target.address[1]
        target.container.reload()
        exposed = target.container.attrs["NetworkSettings"]["Ports"]  # the image names some more
        ports = {name: found for name, found in exposed.items() if found}
        assert ports == {f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
        (name,) = target.container.attrs["NetworkSettings"]["Networks"]
        (network,) = engine.networks.list(names=[name])
        network.reload()
        assert network.attrs["Options"]["com.docker.network.bridge.enable_ip_masquerade"] == "false"
        assert network.attrs["Labels"][containers.RUN] == LABEL


@pytest.mark.parametrize("network", ["host", "published"])
def test_a_port_that_is_taken_is_told_as_such(backend, network):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartFailed) as caught:
        backend.start("epoll", "echo", options(network, taken.getsockname()[1]))
    assert caught.value.port_taken


def run_lab(results, backend):
    words = [
        "run",
        "places",
        "--lab",
        PLACES,
        "--profile",
        "tiny",
        "--results",
        results,
        "--backend",
        backend,
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "lab", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    return process.pid, process.returncode, out, err


def records(results):
    path = results / "last" / "trials.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [Record.model_validate_json(line) for line in lines]


def test_a_run_over_all_networks_prints_the_tax_and_leaves_nothing(tmp_path, engine):
    pid, code, out, err = run_lab(tmp_path, "docker")
    assert code == 0, err
    made = records(tmp_path)
    assert {one.cell for one in made} == {
        f"places/{name}" for name in ("loopback", "host", "bridge", "published")
    }
    for one in made:
        assert one.error == ""
        assert one.meter.ready.sockets - one.meter.idle.sockets == 4
    results = json.loads((tmp_path / "last" / "results.json").read_text())
    assert [tax["network"] for tax in results["taxes"]] == ["host", "bridge", "published"]
    assert "The tax of a network" in out
    assert "What the network costs" in (tmp_path / "last" / "report.html").read_text()
    assert [one for one in containers.left(engine) if owner(one.run) == pid] == []


def test_on_processes_what_needs_a_container_is_skipped_and_nothing_runs(tmp_path):
    _, code, out, err = run_lab(tmp_path, "process")
    assert code == 0, err
    assert "skipped" in out
    assert "it takes containers. Write --backend docker" in " ".join(out.split())
    assert records(tmp_path) == []
