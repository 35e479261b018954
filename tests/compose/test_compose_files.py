"""The files for containers, read as data: no engine is asked."""

import importlib.util
import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from servers.catalog import PROTOCOLS, SERVERS
from servers.core.listener import open_listener

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "compose/servers.yml").read_text())["services"]
LOAD = yaml.safe_load((ROOT / "compose/load.yml").read_text())["services"]
EVERY = {**SERVICES, **LOAD}
DOCKERFILES = {
    name: (ROOT / f"compose/{name}.Dockerfile").read_text() for name in ("server", "locust")
}
NETWORKS = {
    name: network
    for file in ("servers", "load")
    for name, network in yaml.safe_load((ROOT / f"compose/{file}.yml").read_text())[
        "networks"
    ].items()
}


def test_each_server_of_the_catalog_is_a_service_in_its_order_and_there_is_no_other():
    assert [name for name in SERVICES if name not in {"image", "ready"}] == list(SERVERS)


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_chosen_by_its_name_or_its_family(name):
    assert SERVICES[name]["command"] == name
    assert set(SERVICES[name]["profiles"]) == {"all", name, SERVERS[name].family}


def test_all_servers_are_chosen_unless_told():
    assert "COMPOSE_PROFILES=all\n" in (ROOT / ".env").read_text()


def test_servers_differ_in_nothing_but_their_name():
    own = {"command", "profiles"}
    alike = [{k: v for k, v in SERVICES[name].items() if k not in own} for name in SERVERS]
    assert all(one == alike[0] for one in alike)


@pytest.mark.parametrize("name", EVERY)
def test_a_container_may_do_as_little_as_possible(name):
    service = EVERY[name]
    assert service["user"] == "65532:65532"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert set(service["security_opt"]) == {
        "no-new-privileges:true",
        "seccomp=compose/seccomp.json",
    }
    assert 0 < service["pids_limit"] <= 4096
    assert re.fullmatch(r"[12]g", service["mem_limit"])
    [tmpfs] = service["tmpfs"]
    assert {"noexec", "nosuid", "nodev"} <= set(tmpfs.partition(":")[2].split(","))
    assert service["init"] is True
    assert service["labels"] == {"org.iolab.project": "io-lab"}
    forbidden = {"privileged", "cap_add", "volumes", "devices", "pid", "ipc", "network_mode"}
    assert not forbidden & set(service)


@pytest.mark.parametrize("name", EVERY)
def test_no_container_is_asked_again_and_again_for_its_health(name):
    assert "healthcheck" not in EVERY[name]
    assert "HEALTHCHECK" not in "".join(DOCKERFILES.values())


def test_nothing_is_published_but_the_page_and_that_for_this_machine_only():
    published = {name: service["ports"] for name, service in EVERY.items() if "ports" in service}
    assert published == {"master": ["127.0.0.1:${LAB_PAGE_PORT:-8089}:8089"]}


def test_only_the_master_is_in_a_network_with_a_way_out():
    assert {name for name, service in EVERY.items() if service["networks"] != ["lab"]} == {"master"}
    assert NETWORKS["lab"]["internal"] is True
    assert all(net["labels"] == {"org.iolab.project": "io-lab"} for net in NETWORKS.values())


def test_networks_lie_in_the_range_for_benchmarks_and_can_be_moved():
    for network in NETWORKS.values():
        [config] = network["ipam"]["config"]
        assert re.fullmatch(r"\$\{LAB_\w*SUBNET:-198\.1[89]\.\d+\.0/\d+\}", config["subnet"])


def test_no_load_before_every_server_has_answered():
    assert LOAD["master"]["depends_on"] == {
        "ready": {"condition": "service_completed_successfully"}
    }
    assert LOAD["worker"]["depends_on"] == ["master"]


def test_each_image_is_built_once_and_never_asked_of_a_registry():
    builders = {name: service["image"] for name, service in EVERY.items() if "build" in service}
    assert builders == {"image": "io-lab-server", "master": "io-lab-locust"}
    assert {service["pull_policy"] for service in EVERY.values()} == {"never"}


@pytest.mark.parametrize("text", DOCKERFILES.values(), ids=DOCKERFILES)
def test_an_image_is_built_from_any_base_without_a_foreign_frontend(text):
    assert "ARG BASE_IMAGE=python:3.13-slim\nFROM ${BASE_IMAGE}\n" in text
    assert not re.search(r"^# *syntax=|<<|--link|https?://|--index", text, re.MULTILINE)
    assert "LABEL org.iolab.project=io-lab" in text
    assert text.index("USER 65532:65532") > text.rindex("RUN ")
    assert text.index("--require-hashes") < text.index("COPY ")  # code last


def test_the_servers_image_listens_where_the_check_asks():
    ports = {"--port=7001", "--meter-port=7000", f"--protocol={','.join(PROTOCOLS)}"}
    assert ports <= set(re.findall(r'"(--[^"]+)"', DOCKERFILES["server"]))
    assert load_ready().PORT == 7001


def test_seccomp_is_the_engines_default_with_io_uring_and_without_what_escapes():
    profile = json.loads((ROOT / "compose/seccomp.json").read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    allowed = {
        name
        for rule in profile["syscalls"]
        if rule["action"] == "SCMP_ACT_ALLOW" and not rule.get("args")
        for name in rule["names"]
    }
    assert {"io_uring_setup", "io_uring_enter", "io_uring_register"} <= allowed
    assert {"epoll_wait", "pidfd_open", "rt_sigtimedwait", "execve"} <= allowed
    assert not allowed & {
        *("bpf", "clone", "clone3", "mount", "umount2", "setns", "unshare", "pivot_root", "keyctl"),
        *("add_key", "userfaultfd", "perf_event_open", "kexec_load", "init_module", "reboot"),
        *("open_by_handle_at", "swapon", "syslog", "acct"),
    }


def pins(lock):
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize("part", ["servers", "locust"])
def test_an_image_holds_the_versions_of_the_one_lock(part):
    inside, all_of_them = pins(f"requirements-{part}.lock"), pins("requirements.lock")
    assert inside
    assert inside.items() <= all_of_them.items()


def test_the_servers_image_has_what_the_catalog_needs():
    needed = {server.needs for server in SERVERS.values()} - {"", "io_uring"}
    assert needed <= set(pins("requirements-servers.lock"))


def test_the_locust_image_has_those_parts_of_the_lab_that_are_imported_there():
    code = "import sys, loadtests.locustfile; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    ignored = (ROOT / ".dockerignore").read_text()
    for part in ("lab", "servers"):
        used = {name for name in loaded.split() if name.split(".")[0] == part}
        files = {f"{name.replace('.', '/')}.py" for name in used if "." in name}
        copied = set(re.findall(rf"(?<=\s){part}/\S+\.py", DOCKERFILES["locust"]))
        assert files <= copied
        wanted = set(re.findall(rf"^!({part}/.+)$", ignored, re.MULTILINE))
        assert copied <= wanted or f"{part}/**/*.py" in wanted


def load_ready():
    spec = importlib.util.spec_from_file_location("ready", ROOT / "compose/ready.py")
    ready = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ready)
    return ready


@pytest.fixture
def ready(monkeypatch):
    """The check, with every server's name meaning this machine."""
    module = load_ready()
    connect = socket.create_connection
    here = lambda address, timeout: connect(("127.0.0.1", address[1]), timeout)  # noqa: E731
    monkeypatch.setattr(module.socket, "create_connection", here)
    return module


def test_the_check_takes_a_server_that_answers_byte_by_byte_only(ready, monkeypatch):
    command = [sys.executable, "-m", "servers", "epoll", "--protocol", "echo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        monkeypatch.setattr(ready, "PORT", json.loads(server.stdout.readline())["listening"])
        assert ready.trouble("epoll", 0.0) == ""
        monkeypatch.setitem(ready.SERVERS, "liar", SERVERS["epoll"])
        monkeypatch.setattr(ready, "END", b"Y?")
        wrong = {"echo": PROTOCOLS["http"], **{k: v for k, v in PROTOCOLS.items() if k != "echo"}}
        monkeypatch.setattr(ready, "PROTOCOLS", wrong)
        assert "got b'POST /ECHO" in ready.trouble("liar", 0.0)
        server.terminate()


def test_the_check_says_what_is_not_there(ready, monkeypatch):
    with open_listener("127.0.0.1", 0, 1) as listener:
        monkeypatch.setattr(ready, "PORT", listener.getsockname()[1])
    assert "refused" in ready.trouble("epoll", 0.0)


def test_the_check_fails_when_one_server_does(ready, monkeypatch, capsys):
    monkeypatch.setenv("COMPOSE_PROFILES", "threads,polling")
    monkeypatch.setattr(ready, "trouble", lambda name, _: "mute" if name == "threads" else "")
    with pytest.raises(SystemExit) as ended:
        ready.main()
    assert ended.value.code == 1
    assert capsys.readouterr().out == "threads: mute\nnonblocking: ready\n"


def test_the_check_skips_what_this_kernel_does_not_allow_and_says_so(ready, monkeypatch, capsys):
    monkeypatch.setattr(ready, "missing", lambda need: f"{need} is denied" if need else "")
    assert ready.trouble("io-uring", 0.0) == ""
    assert capsys.readouterr().out == "io-uring: skipped, io_uring is denied\n"
