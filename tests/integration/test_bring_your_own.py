"""Servers that are none of ours, for real: a C program, nginx, an image; and what goes wrong.

Needs gcc, nginx and, for the image, an engine. In CI (CI=true) a missing one is a failure.
"""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lab.backends import containers, networks, own_commands
from lab.backends.contract import StartFailed, StartOptions, WrongAnswer
from lab.backends.leftovers import leftovers
from lab.backends.own_commands import OwnCommands
from lab.backends.own_images import OwnImages
from lab.backends.process import ProcessBackend
from lab.errors import EnvironmentUnfit
from lab.ground import missing
from lab.own_servers import OwnServer

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[2] / "examples" / "bring-your-own"
IMAGE = f"io-lab-own-epoll:{os.getpid()}"
RUN_S = 240
RUN = f"tests-{os.getpid()}"


def need(program):
    if shutil.which(program) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The examples, compiled."""
    need("gcc")
    made = tmp_path_factory.mktemp("own") / "examples"
    shutil.copytree(EXAMPLES, made, ignore=shutil.ignore_patterns("epoll"))
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-static"]
    subprocess.run(["gcc", *flags, "-o", "epoll", "epoll.c"], cwd=made, check=True, timeout=60)
    return made


@pytest.fixture(scope="module")
def image(folder):
    """The same program in an image of nothing else."""
    try:
        client = containers.connect()
        containers.image_id(client, containers.image_name())
    except EnvironmentUnfit as why:
        if os.environ.get("CI"):
            pytest.fail(str(why))
        pytest.skip(str(why))
    labels = {containers.PROJECT: containers.NAME}
    client.images.build(path=str(folder), tag=IMAGE, labels=labels, rm=True)
    yield IMAGE
    client.images.remove(IMAGE, force=True)
    client.close()


def lab(folder, verb, *words, file="lab.yaml"):
    command = [sys.executable, "-m", "lab", verb, "--lab", folder / file, *words]
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=RUN_S, check=False
    )


def records(results):
    lines = (results / "last/trials.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


# Gates that a busy machine does not trip: they are about the server, its meter and the count.
OF_THE_SERVER = {"server-died", "meter-closure", "accept-drops", "conservation"}


def measured(results, server):
    """Every trial of a server was metered, counted and ended well; the machine may be busy."""
    found = [one for one in records(results) if f"/{server}" in one["cell"]]
    assert found
    for one in found:
        states = {gate["gate"]: gate["state"] for gate in one["gates"]}
        assert {name: states[name] for name in OF_THE_SERVER} == dict.fromkeys(OF_THE_SERVER, "ok")
        slices = one["meter"]["slices"]
        assert slices[-1]["cpu_ns"] > slices[0]["cpu_ns"]
        assert (one["error"], one["server"]["exit_code"]) == ("", 0)
        assert sum(c["total"]["completed"] for e in one["engines"] for c in e["classes"].values())


def test_a_c_program_and_nginx_are_verified_metered_gated_and_judged(folder, tmp_path):
    need("nginx")
    done = lab(folder, "run", "--profile", "smoke", "--results", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "c-epoll echo: conforms" in done.stderr
    assert "nginx http: conforms" in done.stderr
    assert "c-is-cheaper" in done.stdout
    assert "nginx-is-cheaper" in done.stdout
    for server in ("c-epoll", "nginx", "epoll"):
        measured(tmp_path, server)
    facts = json.loads((tmp_path / "last/run.json").read_text())
    assert facts["machine"]["server c-epoll"].startswith("sha256:")
    assert [one for one in leftovers() if facts["id"] in one.run] == []


def test_an_image_is_verified_and_metered_beside_ours(folder, image, tmp_path):
    text = (folder / "lab.yaml").read_text()
    command = '    command: [./epoll, "{host}", "{port}"]\n'
    assert text.count(command) == 1
    text = text.replace(command, f"    image: {image}\n    port: 7001\n")
    (folder / "image.yaml").write_text(text)
    words = ["--profile", "smoke", "--results", tmp_path, "--backend", "docker", "echo-in-c"]
    done = lab(folder, "run", *words, file="image.yaml")
    assert done.returncode == 0, done.stderr
    assert "c-epoll echo: conforms" in done.stderr
    measured(tmp_path, "c-epoll")
    facts = json.loads((tmp_path / "last/run.json").read_text())
    assert facts["machine"]["server c-epoll"].startswith("sha256:")


def own_image(**changes):
    given = {"image": IMAGE, "protocol": "echo", "port": 7001, **changes}
    return OwnServer.model_validate(given)


def test_an_image_is_confined_as_ours_are_and_two_of_them_may_run(image):
    client = containers.connect()
    options = StartOptions(label=f"tests@{os.getpid()}", cpu=0, nofile=99, deadline=30)
    declared = {
        "mine": own_image(tmpfs=["/run"]),
        "wrong": own_image(command=["too", "many", "words", "{port}"]),
        "deaf": own_image(port=7002),  # it listens at 7001
    }
    with networks.network(client, options.label) as network:
        backend = OwnImages(ProcessBackend(), declared, client, network)
        with backend.start("mine", "echo", options) as target:
            target.verify("echo")
            with backend.start("mine", "echo", options) as another:
                another.verify("echo")
            held = target.container.attrs
            host = held["HostConfig"]
            assert (held["Config"]["User"], host["ReadonlyRootfs"]) == ("65532:65532", True)
            assert (host["CapDrop"], host["CapAdd"], host["Privileged"]) == (["ALL"], None, False)
            assert "no-new-privileges:true" in host["SecurityOpt"]
            assert set(host["Tmpfs"]) == {"/tmp", "/run"}
            assert (held["Mounts"], host["PortBindings"] or {}) == ([], {})
            limits = Path(f"/proc/{target.pid}/limits").read_text()
            assert limits.split("Max open files")[1].split()[:2] == ["99", "99"]
            end = target.stop(5)
        assert (end.exit_code, end.escaped) == (0, 0)  # of SIGTERM, through the container's init
        assert end.cpu_ns > 0
        with pytest.raises(StartFailed, match="exit code 2: usage: /epoll ADDRESS PORT"):
            backend.start("wrong", "echo", options)
        with pytest.raises(StartFailed, match=r"nobody listens at .*:7002 after 0\.5 s"):
            backend.start("deaf", "echo", replace(options, deadline=0.5))
        assert [one.containers for one in containers.left(client) if one.run == options.label] == [
            0
        ]
    client.close()


def test_an_image_that_is_not_there_is_said_so(image):
    assert missing(own_image(), Path()) == ""
    assert missing(own_image(image="io-lab/no-such:1"), Path()).startswith(
        "there is no image io-lab/no-such:1. Build it, or fetch it"
    )


def test_what_cannot_be_here_is_refused_alone_and_skipped_beside_others(folder, tmp_path):
    text = (folder / "lab.yaml").read_text().replace("./epoll,", "./not-there,")
    (folder / "gone.yaml").write_text(text)
    listed = lab(folder, "list", "servers", file="gone.yaml").stdout
    assert "there is no program ./not-there in" in listed
    words = ["--profile", "smoke", "--results", tmp_path, "c-is-cheaper"]
    done = lab(folder, "run", *words, file="gone.yaml")
    assert done.returncode == 0, done.stderr
    assert "c-epoll is skipped: there is no program ./not-there in" in done.stderr
    assert "skipped" in done.stdout
    alone = text.replace("arms: [c-epoll, epoll]", "arms: [c-epoll]")
    (folder / "alone.yaml").write_text(alone[: alone.index("claims:")] + LIMIT)
    refused = lab(folder, "run", *words[:-1], "echo-in-c", file="alone.yaml")
    assert (refused.returncode, refused.stderr.count("\n")) == (5, 1)
    assert "c-epoll cannot run: there is no program" in refused.stderr


LIMIT = """\
claims:
  wall:
    kind: limit
    sentence: select has a limit.
    probe: select-1024
    profiles: [smoke]
"""

# ---- a server of a few lines, with and without mistakes

SERVER = """
import os, signal, socket, sys, threading
FAULT = os.environ.get("FAULT", "")
if FAULT == "dies":
    sys.exit("cannot open the box")
if FAULT == "deaf":
    signal.pause()
if FAULT == "crashes":
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGSEGV))
if FAULT == "stays":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
def talk(client):
    with client:
        try:
            while data := client.recv(65536):
                if FAULT == "chats":
                    print("x" * 100_000, flush=True)
                client.sendall(data if FAULT == "lower" else data.upper())
        except OSError:
            pass
while True:
    threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()
"""


@pytest.fixture
def start(tmp_path):
    """Start the few lines, with a fault or none."""
    (tmp_path / "server.py").write_text(SERVER)
    targets = []

    def begin(fault="", **options):
        one = OwnServer(
            protocol="echo",
            command=[sys.executable, "server.py", "{port}"],
            environment={"FAULT": fault},
        )
        backend = OwnCommands(ProcessBackend(), {"mine": one}, tmp_path)
        targets.append(backend.start("mine", "echo", StartOptions(label=RUN, **options)))
        return targets[-1]

    yield begin
    for target in targets:
        target.kill()


def environment(pid):
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(entry.partition("=")[::2] for entry in entries)


def test_a_command_has_its_place_its_label_and_its_own_folder(start):
    cpu = max(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    target = start(cpu=cpu, nofile=77, env={"PYTHONHASHSEED": "7"})
    target.verify("echo")
    assert os.sched_getaffinity(target.pid) == {cpu}
    assert os.sched_getaffinity(0) == before
    assert resource.prlimit(target.pid, resource.RLIMIT_NOFILE) == (77, 77)
    assert os.getsid(target.pid) == target.pid
    found = environment(target.pid)
    assert (found["LAB_RUN"], found["PYTHONHASHSEED"]) == (RUN, "7")
    scratch = Path(found["TMPDIR"])
    assert scratch.is_dir()
    end = target.stop(5)
    assert (end.exit_code, end.escaped) == (0, 0)  # it died of SIGTERM, which is an end
    assert end.cpu_ns > 0
    assert not scratch.exists()


def test_it_may_open_as_many_files_as_allowed(start):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert resource.prlimit(start().pid, resource.RLIMIT_NOFILE) == (hard, hard)


def test_what_it_prints_does_not_stop_it(start):
    target = start("chats")
    with socket.create_connection(target.address, 10) as client:
        for _ in range(20):  # 2 MB, more than any pipe holds
            client.sendall(b"a")
            assert client.recv(1) == b"A"
    assert "xxx" in target.stop(5).stderr


@pytest.mark.parametrize(("fault", "code"), [("crashes", -signal.SIGSEGV), ("stays", None)])
def test_a_crash_and_a_refusal_to_end_are_no_good_ends(start, fault, code):
    assert start(fault).stop(0.5).exit_code == code


def test_one_that_does_not_start_says_its_last_words(start):
    with pytest.raises(StartFailed, match="exit code 1: cannot open the box"):
        start("dies")
    with pytest.raises(StartFailed, match=r"nobody listens at .* after 0\.5 s"):
        start("deaf", deadline=0.5)
    with pytest.raises(StartFailed, match="cannot run on CPU 1023"):
        start(cpu=1023)
    assert [one for one in leftovers() if one.run == RUN] == []


def test_whoever_has_the_port_is_not_taken_for_it(start):
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(StartFailed, match="is taken") as failed,
    ):
        start(port=other.getsockname()[1])
    assert failed.value.port_taken


def test_a_port_that_is_lost_at_the_last_moment_is_known_by_the_last_words(start, monkeypatch):
    monkeypatch.setattr(own_commands, "taken", lambda _port: False)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))  # and does not listen: nobody can be taken for the server
        with pytest.raises(StartFailed, match=r"exit code 1: .*already in use") as failed:
            start(port=other.getsockname()[1])
    assert failed.value.port_taken


def test_a_wrong_answer_is_found_by_the_first_round_trip(start):
    with pytest.raises(WrongAnswer, match="READY"):
        start("lower").verify("echo")


WRONG = """\
version: 1
servers:
  mine:
    command: [{python}, server.py, "{{port}}"]
    environment: {{FAULT: lower}}
    protocol: echo
profiles:
  tiny: {{looks: [2], warm-up: 0.1 s, window: 0.3 s, cool-down: 0.05 s}}
experiments:
  one:
    question: Does a wrong server come to be measured?
    arms: [mine]
    load: {{long: {{connections: 2, rate: 100/s}}}}
claims:
  wall:
    kind: limit
    sentence: select has a limit.
    probe: select-1024
    profiles: [tiny]
"""


def test_a_run_with_a_wrong_server_is_refused_and_measures_nothing(tmp_path):
    (tmp_path / "server.py").write_text(SERVER)
    (tmp_path / "lab.yaml").write_text(WRONG.format(python=sys.executable))
    done = lab(tmp_path, "run", "one", "--profile", "tiny", "--results", tmp_path / "results")
    assert done.returncode == 3, done.stderr
    assert "lab: mine fails in echo: byte-by-byte: 64 bytes of 64" in done.stderr
    assert "Nothing was measured." in done.stderr
    assert not (tmp_path / "results/last/trials.jsonl").exists()
