"""The Docker backend on a fake engine: what it asks for, how it ends, what it removes."""

import ipaddress
import json
import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from requests.exceptions import ConnectionError as NoConnection

from lab import cleaning
from lab.backends import containers, networks
from lab.backends.container_words import demultiplexed
from lab.backends.containers import RUN, EngineError
from lab.backends.contract import StartFailed, StartOptions
from lab.backends.docker import DockerBackend, opened
from lab.backends.networks import Subnet
from lab.cgroup import Group, OutOfReach
from lab.errors import EnvironmentUnfit
from tests.lab.fake_engine import LISTENING, frame, refusal

GROUP = Path(__file__).with_name("cgroups") / "v1/group"
OPTIONS = StartOptions(port=20_000, cpu=1, label="run@1")


@pytest.fixture
def backend(engine, tmp_path):
    folder = tmp_path / "group"
    shutil.copytree(GROUP, folder)

    def find(pid, container):
        (folder / "cgroup.procs").write_text(f"{pid}\n")
        return Group(1, folder, folder, folder)

    network = networks.Network("io-lab-x", Subnet("198.19.255.0/24"))
    return DockerBackend(engine, "sha256:1f", network, find)


def test_a_container_is_confined_pinned_and_not_published(backend, engine):
    with backend.start("epoll", "echo", OPTIONS) as target:
        assert target.address == ("198.19.255.10", 20_000)
        given = engine.created[0].given
    assert given["entrypoint"] == ["python", "-m", "servers"]
    assert {"epoll", "--host=0.0.0.0", "--port=20000", "--nofile=0"} <= set(given["command"])
    assert (given["image"], given["labels"][RUN]) == ("sha256:1f", "run@1")
    assert given["labels"]["com.docker.compose.project"] == ""  # the image says io-lab
    assert (given["user"], given["read_only"], given["cap_drop"]) == ("65532:65532", True, ["ALL"])
    assert (given["mem_limit"], given["memswap_limit"], given["pids_limit"]) == ("1g", "1g", 4096)
    privileges, seccomp = given["security_opt"]
    assert privileges == "no-new-privileges:true"
    assert json.loads(seccomp.removeprefix("seccomp="))["defaultAction"] == "SCMP_ACT_ERRNO"
    assert "noexec" in given["tmpfs"]["/tmp"]
    assert (given["init"], given["cpuset_cpus"]) == (True, "1")
    assert given["networking_config"] == {"io-lab-x": {"ipv4_address": "198.19.255.10"}}
    assert not given.keys() & {"ports", "publish_all_ports", "volumes", "mounts", "privileged"}


def test_a_server_ends_on_sigterm_and_its_account_is_closed(backend, engine):
    with backend.start("epoll", "echo", OPTIONS) as target:
        assert target.alive()
        end = target.stop(5)
        assert (end.exit_code, end.counters, end.escaped) == (0, {"refused": 3}, 0)
        assert (end.cpu_ns, end.user_ns, end.system_ns) == (253_865_488, 200_000_000, 36_000_000)
        assert target.stop(5) is target.kill() is end
        assert not target.alive()
    assert engine.created[0].calls.count("SIGTERM") == 1
    assert engine.created[0].calls[-1] == "remove"
    assert engine.held == []


def test_what_does_not_heed_sigterm_is_killed(backend, engine):
    engine.deaf = {"SIGTERM"}
    with backend.start("epoll", "echo", OPTIONS) as target:
        assert target.stop(0.05).exit_code is None
    assert engine.created[0].calls[-4:] == ["SIGTERM", "SIGKILL", "reload", "remove"]


def test_a_signal_is_a_negative_exit_code_and_the_kernels_hand_is_named(backend, engine):
    engine.code, engine.state, engine.stderr = 137, {"OOMKilled": True}, b"last words\n"
    with backend.start("epoll", "echo", OPTIONS) as target:
        engine.created[0].end()
        assert not target.alive()
        end = target.stop(5)
    assert end.exit_code == -9
    assert end.stderr.startswith("last words\nthe kernel ended it: above the limit of 1g")


def test_pause_and_resume_are_the_engines(backend, engine):
    with backend.start("epoll", "echo", OPTIONS) as target:
        target.pause()
        target.stop(5)  # it would not hear SIGTERM
    said = [call for call in engine.created[0].calls if call in {"pause", "unpause", "SIGTERM"}]
    assert said == ["pause", "unpause", "SIGTERM"]


def test_a_server_that_ends_at_once_says_why_and_is_removed(backend, engine):
    engine.says, engine.dies, engine.stderr = [], 5, b"first\nservers: no io_uring\n"
    with pytest.raises(StartFailed, match="exit code 5: servers: no io_uring") as caught:
        backend.start("io-uring", "echo", OPTIONS)
    assert caught.value.code == 5
    assert engine.held == []


def test_a_server_that_never_listens_is_given_up_and_removed(backend, engine):
    engine.says, engine.stderr = [frame(2, b"thinking\n"), frame(1, b'{"listen')], b"thinking\n"
    with pytest.raises(StartFailed, match=r"not listening after 0\.05 s\. thinking"):
        backend.start("epoll", "echo", replace(OPTIONS, deadline=0.05))
    assert engine.held == []


def test_words_that_are_not_its_port_are_no_start(backend, engine):
    engine.says = [frame(1, b"hello\n")]
    with pytest.raises(StartFailed, match="unexpected output: b'hello"):
        backend.start("epoll", "echo", OPTIONS)
    assert engine.held == []


@pytest.mark.parametrize("step", ["create", "start"])
def test_what_the_engine_refuses_is_a_failed_start_in_its_words(backend, engine, step):
    engine.fails = {step: refusal("Requested CPUs are not available")}
    with pytest.raises(StartFailed, match="Requested CPUs are not available"):
        backend.start("epoll", "echo", OPTIONS)
    assert engine.held == []


def test_an_interruption_inside_a_start_leaves_no_container(backend, engine):
    engine.fails = {"start": KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        backend.start("epoll", "echo", OPTIONS)
    assert engine.held == []


def test_containers_of_another_machine_cannot_be_metered(backend, engine):
    def find(pid, container):
        raise OutOfReach("process 7 here is not the container's")

    with pytest.raises(EnvironmentUnfit, match=r"not the container's.*on this very machine"):
        replace(backend, find=find).start("epoll", "echo", OPTIONS)
    assert engine.held == []


@pytest.mark.parametrize("cut", range(30))
def test_the_stream_is_taken_apart_wherever_it_is_cut(cut):
    whole = frame(1, LISTENING[:5]) + frame(2, b"oh") + frame(1, LISTENING[5:])
    found = demultiplexed(whole[: len(whole) - cut])
    assert LISTENING.startswith(found.get(1, b""))
    assert demultiplexed(whole) == {1: LISTENING, 2: b"oh"}


def test_a_run_has_its_own_internal_network_and_all_of_it_is_removed(engine):
    engine.network("other", ipam={"Config": [{"Subnet": "198.18.0.0/20"}]}, labels={})
    foreign = engine.create("x", labels={RUN: "run@2"})
    with opened(engine, "sha256:1f", "run@1") as backend:
        (made,) = [net for net in engine.nets if net.attrs["Labels"].get(RUN) == "run@1"]
        assert made.given["internal"] is True
        assert made.subnet == str(backend.network.subnet)
        engine.create("x", labels=containers.labels("run@1"))
    assert engine.held == [foreign]
    assert [net.name for net in engine.nets] == ["other"]


def test_an_empty_label_removes_nothing(engine):
    engine.create("x", labels={RUN: ""})
    containers.remove(engine, "")
    assert len(engine.held) == 1


def test_a_taken_subnet_is_stepped_over(engine, monkeypatch):
    monkeypatch.setenv("LAB_POOL", "10.9.0.0/22")
    engine.overlaps = {"10.9.3.0/24"}
    with opened(engine, "", "run@1") as backend:
        assert backend.network.server == "10.9.2.10"


def test_no_free_subnet_is_one_clear_line(engine, monkeypatch):
    monkeypatch.setenv("LAB_POOL", "10.9.0.0/24")
    engine.overlaps = {"10.9.0.0/24"}
    with pytest.raises(EnvironmentUnfit, match=r"no subnet of 10\.9\.0\.0/24 is free.*LAB_POOL"):
        opened(engine, "", "run@1").__enter__()


@pytest.mark.parametrize("text", ["10.9.0.0/25", "10.9.0.1/16", "here"])
def test_a_pool_that_is_none_is_said_so(monkeypatch, text):
    monkeypatch.setenv("LAB_POOL", text)
    with pytest.raises(EnvironmentUnfit, match=r"LAB_POOL: .* Write a"):
        networks.pool()


def test_subnets_are_taken_from_the_top_around_what_is_held():
    found = networks.free_subnets(Subnet("10.0.0.0/22"), [Subnet("10.0.3.128/25")])
    assert [str(one) for one in found] == ["10.0.2.0/24", "10.0.1.0/24", "10.0.0.0/24"]
    assert list(networks.free_subnets(Subnet("10.0.0.0/22"), [Subnet("10.0.0.0/8")])) == []


def test_routes_of_the_machine_are_read_and_the_default_one_is_not_counted(tmp_path):
    routes = tmp_path / "route"
    address = int.from_bytes(ipaddress.IPv4Address("198.18.4.0").packed, "little")
    mask = int.from_bytes(ipaddress.IPv4Address("255.255.252.0").packed, "little")
    routes.write_text(
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        f"tun0\t{address:08X}\t00000000\t0001\t0\t0\t0\t{mask:08X}\t0\t0\t0\n"
    )
    assert networks.host_subnets(routes) == [Subnet("198.18.4.0/22")]


def test_what_is_being_made_is_made_even_if_we_are_interrupted():
    made = []

    def work():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)  # the interruption is taken in the middle of this
        made.append(1)

    with pytest.raises(KeyboardInterrupt):
        containers.whole(work)
    assert made == [1]


def test_the_kinds_of_error_of_the_engine():
    with pytest.raises(EngineError, match=r"^no such thing$"), containers.explained():
        raise refusal("no such\n thing")
    with pytest.raises(EnvironmentUnfit, match="No such file"), containers.explained():
        raise NoConnection from FileNotFoundError(2, "No such file")


def test_only_runs_whose_lab_is_no_more_are_orphans(engine, monkeypatch):
    monkeypatch.setattr(cleaning, "lives", lambda pid: pid == 7)
    for run in ("dead@6", "living@7"):
        engine.create("x", labels=containers.labels(run))
        engine.network(run, ipam={"Config": [{"Subnet": "10.1.0.0/24"}]}, labels={RUN: run})
    engine.create("x", labels={"org.iolab.project": "io-lab"})  # of docker compose
    (found,) = cleaning.orphaned_containers(engine)
    assert (found.run, found.containers, found.networks) == ("dead@6", 1, 1)
    monkeypatch.setattr(cleaning, "engine", lambda: engine)
    monkeypatch.setattr(cleaning, "orphans", list)
    assert list(cleaning.clean()) == ["dead: removed 1 container and 1 network"]
    assert list(cleaning.clean()) == ["nothing was left behind"]
    assert len(engine.held) == 2
