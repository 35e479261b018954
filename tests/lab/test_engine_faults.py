"""What becomes of a run when the Docker engine fails it: on a fake engine, without waiting."""

import shutil
from pathlib import Path

import pytest
from requests.exceptions import ConnectionError as NoConnection

from lab import cleaning
from lab.backends import checkup, containers, networks
from lab.backends.containers import EngineSilent
from lab.backends.contract import StartFailed, StartOptions
from lab.backends.docker import DockerBackend, opened
from lab.backends.networks import Subnet
from lab.cgroup import Group
from tests.lab.fake_engine import refusal

GROUP = Path(__file__).with_name("cgroups") / "v1/group"
OPTIONS = StartOptions(port=20_000, cpu=1, label="run@1")


def gone(*_, **__):
    raise NoConnection("Connection aborted.")


@pytest.fixture
def backend(engine, tmp_path):
    folder = tmp_path / "group"
    shutil.copytree(GROUP, folder)

    def find(pid, container):
        (folder / "cgroup.procs").write_text(f"{pid}\n")
        return Group(1, folder, folder, folder)

    network = networks.Network("io-lab-x", Subnet("198.19.255.0/24"))
    return DockerBackend(engine, "sha256:1f", network, find)


@pytest.fixture
def away(engine, monkeypatch):
    """An engine that does not answer for that many seconds of a clock that only sleeping moves."""
    now = [0.0]
    monkeypatch.setattr(containers.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(containers.time, "sleep", lambda seconds: now.append(now.pop() + seconds))

    def be_away(seconds):
        def ping():
            if now[0] < seconds:
                gone()

        engine.ping = ping
        return now

    return be_away


def test_a_start_that_a_restart_of_the_engine_has_lost_is_one_void_trial(backend, engine, away):
    now = away(12.0)
    engine.fails = {"create": NoConnection("aborted")}
    with pytest.raises(StartFailed, match="the Docker engine was restarted"):
        backend.start("epoll", "echo", OPTIONS)
    assert 12.0 <= now[0] < 13.0
    with backend.start("epoll", "echo", OPTIONS) as target:  # and the next one is a trial again
        assert target.alive()


def test_an_engine_that_does_not_come_back_ends_the_run(backend, engine, away):
    now = away(1e9)
    engine.fails = {"start": NoConnection("aborted")}
    with pytest.raises(EngineSilent, match=r"does not answer.*Start it"):
        backend.start("epoll", "echo", OPTIONS)
    assert now[0] < containers.BACK_S + 1


def test_what_is_left_in_an_engine_that_is_gone_is_said_with_its_remedy(engine, away):
    now = away(1e9)
    with (
        pytest.raises(EngineSilent, match=r"finished is kept.*lab clean"),
        opened(engine, "sha256:1f", "run@1"),
    ):
        pass
    assert now[0] < containers.BACK_TO_CLEAN_S + 1


def test_what_is_left_is_removed_once_the_engine_is_back(engine, away):
    away(8.0)
    with opened(engine, "sha256:1f", "run@1"):
        engine.create("x", labels=containers.labels("run@1"))
    assert (engine.held, engine.nets) == ([], [])


def test_an_engine_that_says_no_while_it_starts_is_waited_for(engine, away):
    away(0.0)
    answers = [refusal("starting"), NoConnection("aborted")]

    def ping():
        if answers:
            raise answers.pop(0)

    engine.ping = ping
    containers.wait_until_back(engine)
    assert answers == []


def test_a_server_ends_as_well_as_can_be_without_the_engine(backend, engine):
    with backend.start("epoll", "echo", OPTIONS) as target:
        made = engine.created[0]

        made.wait = made.logs = made.remove = made.reload = gone
        made.end()
        end = target.stop(0.05)
    assert end.exit_code is None
    assert "was the Docker engine restarted" in end.stderr


def test_a_server_that_others_have_ended_says_so_and_one_that_we_ended_does_not(backend, engine):
    with backend.start("epoll", "echo", OPTIONS) as target:
        engine.created[0].end()
        assert "docker stop" in target.stop(5).stderr
    with backend.start("epoll", "echo", OPTIONS) as target:
        assert "docker stop" not in target.stop(5).stderr


@pytest.mark.parametrize(("code", "seen"), [(137, -9), (0, -9), (1, 1)])
def test_memory_that_ran_out_is_never_a_good_end(backend, engine, code, seen):
    engine.code, engine.state = code, {"OOMKilled": True}  # 0: it took a child of the server
    with backend.start("processes", "echo", OPTIONS) as target:
        engine.created[0].end()
        end = target.stop(5)
    assert end.exit_code == seen
    assert "above the limit of 1g of memory. Load it with fewer" in end.stderr


def test_a_name_that_is_taken_is_stepped_over(engine, monkeypatch):
    monkeypatch.setenv("LAB_POOL", "10.9.0.0/22")
    engine.fails = {"network": refusal("network with name io-lab-10.9.3.0 already exists")}
    with opened(engine, "", "run@1") as backend:
        assert backend.network.name == "io-lab-10.9.2.0"


def test_a_network_that_the_engine_does_not_let_go_of_ends_no_run_and_clean_says_so(
    engine, monkeypatch
):
    monkeypatch.setattr(containers.time, "sleep", lambda _: None)
    with opened(engine, "", "run@1"):
        (stuck,) = engine.nets

        def stay():
            raise refusal("network io-lab-x has active endpoints")

        stuck.remove = stay
        engine.create("x", labels=containers.labels("run@1"))
    assert (engine.held, engine.nets) == ([], [stuck])
    monkeypatch.setattr(cleaning, "engine", lambda: engine)
    monkeypatch.setattr(cleaning, "orphans", list)
    (said,) = cleaning.clean()
    assert said == "run: removed 1 network, but not all; network io-lab-x has active endpoints"


def test_a_network_that_is_busy_for_a_moment_is_removed(engine, monkeypatch):
    monkeypatch.setattr(containers.time, "sleep", lambda _: None)
    with opened(engine, "", "run@1"):
        (busy,) = engine.nets
        remove, answers = busy.remove, [refusal("has active endpoints")]

        def later():
            if answers:
                raise answers.pop()
            remove()

        busy.remove = later
    assert engine.nets == []


@pytest.mark.parametrize(
    ("programs", "found"),
    [
        ({"docker": "2.26.1", "docker-compose": "1.29.2"}, "2.26.1"),
        ({"docker-compose": "1.29.2"}, "1.29.2"),
        ({}, ""),
    ],
)
def test_the_compose_of_old_is_told_from_none(tmp_path, monkeypatch, programs, found):
    for name, version in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checkup._compose() == found
