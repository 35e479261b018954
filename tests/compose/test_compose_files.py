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
    plain, ring = "seccomp.json", "${LAB_SECCOMP:-compose/seccomp-io-uring.json}"
    assert set(service["security_opt"]) == {
        "no-new-privileges:true",
        f"seccomp={ring}" if name in SERVICES else f"seccomp=compose/{plain}",
    }
    assert 0 < service["pids_limit"] <= 4096
    assert re.fullmatch(r"[12]g", service["mem_limit"])
    assert service["memswap_limit"] == service["mem_limit"]
    assert service["logging"]["options"] == {"max-size": "1m", "max-file": "1"}
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
    assert "find / -xdev -type f -perm /6000 -exec chmod a-s {} +" in text
    assert text.index("USER 65532:65532") > text.rindex("RUN ")
    assert text.index("--require-hashes") < text.index("COPY ")  # code last


def test_the_servers_image_listens_where_the_check_asks():
    ports = {"--port=7001", "--meter-port=7000", f"--protocol={','.join(PROTOCOLS)}"}
    assert ports <= set(re.findall(r'"(--[^"]+)"', DOCKERFILES["server"]))
    assert load_ready().PORT == 7001


def allowed(name):
    """The system calls that a profile lets pass, whatever their arguments."""
    profile = json.loads((ROOT / "compose" / name).read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    return {
        name
        for rule in profile["syscalls"]
        if rule["action"] == "SCMP_ACT_ALLOW" and not rule.get("args")
        for name in rule["names"]
    }


def test_seccomp_is_the_engines_default_without_what_escapes():
    calls = allowed("seccomp.json")
    assert {"epoll_wait", "pidfd_open", "rt_sigtimedwait", "execve"} <= calls
    assert not calls & {
        *("bpf", "clone", "clone3", "mount", "umount2", "setns", "unshare", "pivot_root", "keyctl"),
        *("add_key", "userfaultfd", "perf_event_open", "kexec_load", "init_module", "reboot"),
        *("open_by_handle_at", "swapon", "syslog", "acct", "io_uring_setup"),
    }


def test_the_second_seccomp_profile_lets_io_uring_pass_and_is_the_same_otherwise():
    rings = {"io_uring_setup", "io_uring_enter", "io_uring_register"}
    assert allowed("seccomp-io-uring.json") - allowed("seccomp.json") == rings
    plain, ring = (
        json.loads((ROOT / "compose" / name).read_text())
        for name in ("seccomp.json", "seccomp-io-uring.json")
    )
    ring["syscalls"] = [rule for rule in ring["syscalls"] if not rings & set(rule["names"])]
    assert ring == plain


def test_the_load_may_reach_the_labs_network_and_whom_the_user_names_and_nobody_else():
    [subnet] = [config["subnet"] for config in NETWORKS["lab"]["ipam"]["config"]]
    for name in ("master", "worker"):
        targets = LOAD[name]["environment"]["LAB_ALLOW_TARGETS"]
        assert targets == f"{subnet},${{LAB_ALLOW_TARGETS:-}}"


def test_nobody_outside_answers_to_the_masters_second_network():
    masquerade = "com.docker.network.bridge.enable_ip_masquerade"
    assert NETWORKS["page"]["driver_opts"] == {masquerade: "false"}


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
        paths = [name.replace(".", "/") for name in used]
        files = {f"{p}/__init__.py" if (ROOT / p).is_dir() else f"{p}.py" for p in paths}
        named = re.findall(rf"(?<=\s){part}/\S+", DOCKERFILES["locust"])
        copied = {
            str(path.relative_to(ROOT))
            for name in named
            for path in [ROOT / name, *(ROOT / name).glob("*.py")]
            if path.is_file()
        }
        assert files <= copied
        patterns = re.findall(rf"^!({part}/.+)$", ignored, re.MULTILINE)
        wanted = {str(path.relative_to(ROOT)) for one in patterns for path in ROOT.glob(one)}
        assert copied <= wanted


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


@pytest.fixture
def roll(ready):
    """Of a check whose patience has an end at once."""
    return ready.Roll(end=0.0)


def test_the_check_takes_a_server_that_answers_byte_by_byte_only(ready, roll, monkeypatch):
    command = [sys.executable, "-m", "servers", "epoll", "--protocol", "echo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        monkeypatch.setattr(ready, "PORT", json.loads(server.stdout.readline())["listening"])
        assert ready.state("epoll", roll) == "ready"
        monkeypatch.setitem(ready.SERVERS, "liar", SERVERS["epoll"])
        monkeypatch.setattr(ready, "END", b"Y?")
        wrong = {"echo": PROTOCOLS["http"], **{k: v for k, v in PROTOCOLS.items() if k != "echo"}}
        monkeypatch.setattr(ready, "PROTOCOLS", wrong)
        assert "got b'POST /ECHO" in ready.state("liar", roll)
        server.terminate()


def test_the_check_says_what_is_not_there(ready, roll, monkeypatch):
    with open_listener("127.0.0.1", 0, 1) as listener:
        monkeypatch.setattr(ready, "PORT", listener.getsockname()[1])
    assert "refused" in ready.state("epoll", roll)
    assert roll.up == {"epoll"}


def test_the_check_gives_a_name_up_only_when_nobody_has_come_for_a_while(ready, monkeypatch):
    roll, now = ready.Roll(end=1000.0, latest=0.0), [0.0]
    asked = []

    def unknown(*_):
        asked.append(now[0])
        if now[0] == 5.0:
            roll.note("threads")
        raise socket.gaierror("unknown")

    monkeypatch.setattr(ready.socket, "create_connection", unknown)
    monkeypatch.setattr(ready.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(ready.time, "sleep", lambda _: now.append(now.pop() + 1.0))
    assert ready.state("epoll", roll).startswith("not up")
    assert asked[-1] == 5.0 + ready.QUIET + 1.0


@pytest.mark.parametrize(
    ("profiles", "states", "code"),
    [
        ("threads,polling", {}, 0),
        ("threads,polling", {"threads": "mute"}, 1),
        ("threads,polling", {"threads": "not up"}, 1),  # asked for
        ("all", {}, 0),
        ("all", {"threads": "not up"}, 0),  # `docker compose up` with names
        ("all", {"threads": "mute"}, 1),
        ("all", {"threads": "skipped, io_uring is denied"}, 0),
        ("all", dict.fromkeys(SERVERS, "not up"), 1),
        ("nobody", {}, 1),
    ],
)
def test_the_check_fails_when_a_server_does_that_was_asked_for(
    ready, monkeypatch, capsys, profiles, states, code
):
    words = {"not up": ready.ABSENT}
    said = {name: words.get(state, state) for name, state in states.items()}
    monkeypatch.setenv("COMPOSE_PROFILES", profiles)
    monkeypatch.setattr(ready, "state", lambda name, _: said.get(name, "ready"))
    with pytest.raises(SystemExit) as ended:
        ready.main()
    assert ended.value.code == code
    lines = capsys.readouterr().out.splitlines()
    assert set(lines) >= {f"{name}: {state}" for name, state in said.items()}
    assert len(lines) == {"all": len(SERVERS), "nobody": 0}.get(profiles, 2)


def test_the_check_skips_what_this_kernel_does_not_allow_and_says_so(ready, roll, monkeypatch):
    monkeypatch.setattr(ready, "missing", lambda need: f"{need} is denied" if need else "")
    assert ready.state("io-uring", roll) == "skipped, io_uring is denied"
