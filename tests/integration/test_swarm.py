"""compose/stack.yml on a real swarm: three engines in containers, the load on two, servers on one.

Needs an engine, root's docker and the images (`make images`). Skipped only where the script says
that this machine cannot hold such a swarm (exit code 5): no vxlan, or no dockerd to lend.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from lab.errors import EnvironmentUnfit
from lab.load import LocustClient
from lab.orders import Order
from lab.record import read

ROOT = Path(__file__).parents[2]
SCRIPT, BESIDE = (ROOT / f"compose/{name}.sh" for name in ("swarm-in-containers", "beside-master"))
TINY = Path(__file__).with_name("tiny.yaml")
NAME = f"io-lab-swarm-{os.getpid()}"
SUBNET = f"198.18.{160 + os.getpid() % 16}.0/24"
TOKEN = "a token of the tests"
STACK = "io-lab"
CHOSEN = (
    "epoll",
    "select",
    "ready",
    "master",
    "worker",
)  # of the stack: thirty servers would take minutes
IMAGES = {
    variable: os.environ.get(variable) or name
    for variable, name in (
        ("LAB_SERVER_IMAGE", "io-lab-server"),
        ("LAB_LOCUST_IMAGE", "io-lab-locust"),
    )
}
WORKERS = 2
DEADLINE = 60.0  # seconds for what takes a few
CANNOT = 5  # the script's exit code

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(*command, fine=(0,), **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode in fine, done.stdout + done.stderr
    return done


def absent(why):
    """Without an engine there is nothing to test; where it must be there, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


class Swarm:
    """Engines by number; the first manages."""

    def __init__(self):
        self.environment = {**os.environ, "LAB_SWARM": NAME, "LAB_SWARM_SUBNET": SUBNET}

    def script(self, *arguments, fine=(0,)):
        return run(str(SCRIPT), *arguments, env=self.environment, fine=fine)

    def ask(self, node, *arguments, **options):
        """One command of Docker's, in the words of that node's engine."""
        known = {
            "LAB_TOKEN": TOKEN,
            "LAB_WORKERS": WORKERS,
            "COMPOSE_PROFILES": ",".join(CHOSEN[:2]),
            **IMAGES,
        }
        inside = [f"--env={name}={value}" for name, value in known.items()]
        command = ["docker", "exec", *inside, "--interactive", f"{NAME}-{node}", "docker"]
        return run(*command, *arguments, **options).stdout

    def address(self, node):
        shape = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return run("docker", "inspect", "--format", shape, f"{NAME}-{node}").stdout.strip()

    def containers(self, node):
        ids = self.ask(node, "ps", "--quiet").split()
        found = json.loads(self.ask(node, "inspect", *ids)) if ids else []
        service = "com.docker.swarm.service.name"
        return {one["Config"]["Labels"][service].removeprefix(f"{STACK}_"): one for one in found}

    def python(self, node, service, code):
        container = self.containers(node)[service]["Id"]
        return self.ask(node, "exec", container, "python", "-c", code)


@pytest.fixture(scope="module")
def swarm():
    try:
        for image in IMAGES.values():
            run("docker", "image", "inspect", image)
    except (OSError, AssertionError) as error:
        absent(f"no engine, or no images (make images): {error}")
    swarm = Swarm()
    try:
        up = swarm.script("up", str(WORKERS + 1), fine=(0, CANNOT))
        if up.returncode == CANNOT:
            pytest.skip(up.stderr.strip())
        stack = yaml.safe_load((ROOT / "compose/stack.yml").read_text())
        stack["services"] = {name: stack["services"][name] for name in CHOSEN}
        deploy = ["stack", "deploy", "--resolve-image", "never", "--compose-file", "-", STACK]
        swarm.said = swarm.ask(1, *deploy, input=yaml.safe_dump(stack))
        yield swarm
    finally:
        swarm.script("down")
    left = run("docker", "ps", "-aq", "--filter", f"label=org.iolab.swarm={NAME}").stdout
    left += run("docker", "network", "ls", "-q", "--filter", f"label=org.iolab.swarm={NAME}").stdout
    assert left == ""


@pytest.fixture(scope="module")
def client(swarm):
    found = LocustClient(f"http://{swarm.address(1)}:8089", TOKEN)
    try:
        found.wait_until_up(DEADLINE)
    except EnvironmentUnfit as error:
        log = swarm.ask(1, "service", "logs", "--raw", "--tail", "5", f"{STACK}_master")
        pytest.fail(f"{error}\n{swarm.ask(1, 'stack', 'ps', STACK)}\n{log}")
    found.start_test()
    yield found
    found.stop()


def order(trial):
    return Order.model_validate(
        {
            "trial": trial,
            "label": "epoll on a swarm",
            "target": ("epoll", 7002),
            "protocol": "http",
            "classes": {"long": {"connections": 10, "rate": 1000}, "idle": {"connections": 301}},
            "seed": 1,
            "timing": {"warm_up": 0.3, "window": 1.0, "cool_down": 0.2},
        }
    )


def test_the_stack_says_nothing_that_a_swarm_passes_over(swarm):
    assert "unsupported" not in swarm.said.lower()


def test_without_a_token_nothing_is_deployed(swarm):
    stack = ["--compose-file", "/compose/stack.yml", "nothing"]
    node = ["docker", "exec", "--env=LAB_TOKEN=", f"{NAME}-1", "docker", "stack", "deploy"]
    assert "LAB_TOKEN" in run(*node, *stack, fine=(1,)).stderr
    assert "nothing" not in swarm.ask(1, "stack", "ls")


def test_the_load_is_spread_over_the_nodes_without_servers(swarm, client):
    assert client.state().workers == WORKERS
    by_node = [set(swarm.containers(node)) for node in (1, 2, 3)]
    assert "epoll" in by_node[2]
    assert by_node[0] >= {"master", "worker"}
    assert by_node[1] == {"worker"}
    assert not by_node[2] & {"master", "worker"}


def test_what_two_nodes_sent_is_what_the_master_counts_and_the_server_holds_all(swarm, client):
    ready = client.prepare(order("sums"))
    assert ready.established == {"long": 10, "idle": 301}
    line = "import socket; print(socket.create_connection(('127.0.0.1', 7000)).makefile().read())"
    assert json.loads(swarm.python(3, "epoll", line))["sockets"]["http"] >= 311
    client.go("sums")
    results, count = client.result("sums", DEADLINE)
    totals = [result.classes["long"].total for result in results]
    assert len(totals) == WORKERS
    assert min(total.completed for total in totals) > 0
    failed = [sum(total.failed.values()) for total in totals]
    assert all(set(total.failed) <= {"unsent"} for total in totals)  # a busy machine is late
    done = [total.completed + lost for total, lost in zip(totals, failed, strict=True)]
    assert done == [total.scheduled for total in totals]
    assert done == [result.delta_requests for result in results]
    assert (count.requests, count.failures) == (sum(done), sum(failed))
    assert (count.workers, count.lost_workers) == (WORKERS, 0)
    held = [result.classes["idle"].connections for result in results]
    assert sum(one.held_at_start for one in held) == sum(one.held_at_end for one in held) == 301


@pytest.mark.skipif(os.geteuid() != 0, reason="to enter the master's network takes root")
def test_a_whole_run_is_attached_to_the_stack_and_adds_up_in_every_trial(swarm, client, tmp_path):
    words = ["run", "--lab", str(TINY), "--profile", "tiny", "--results", str(tmp_path)]
    words += ["--backend", "attach", "--locust", "http://127.0.0.1:8089", "--token", TOKEN]
    words += ["--server", "epoll=epoll", "--server", "select=select", "--workers", str(WORKERS)]
    allowed = {**swarm.environment, "LAB_ALLOW_TARGETS": "198.18.0.0/20"}
    lab = [str(BESIDE), sys.executable, "-m", "lab", *words]
    done = run(*lab, env=allowed, cwd=ROOT)
    assert "pair-differs" in done.stdout
    lines = (tmp_path / "last/trials.jsonl").read_text().splitlines()
    counted = [record for record in map(read, lines) if record.locust]
    assert counted, done.stderr
    for record in counted:  # void ones, too: a busy machine spoils times, never counts
        totals = [engine.classes["long"].total for engine in record.engines]
        assert len(totals) == WORKERS
        assert sum(total.completed + sum(total.failed.values()) for total in totals) == (
            record.locust.requests
        )


INSIDE = """
import json
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
ways = {line.split()[4]: line.split()[5].split(",") for line in open("/proc/self/mountinfo")}
keys = ("Uid", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")
print(json.dumps([[status[key].split()[0] for key in keys], ways["/"], ways["/tmp"]]))
"""


def test_a_container_of_the_stack_is_as_small_as_one_of_compose(swarm, client):
    for node in (1, 2, 3):
        for name, one in swarm.containers(node).items():
            limits = one["HostConfig"]
            assert limits["ReadonlyRootfs"] is True
            assert limits["Init"] is True
            assert (limits["CapDrop"], limits["CapAdd"], limits["Privileged"]) == (
                ["ALL"],
                None,
                False,
            )
            assert 0 < limits["PidsLimit"] <= 4096
            assert 0 < limits["Memory"] <= 2 << 30
            assert [mount["Type"] for mount in one["Mounts"]] == ["tmpfs"]
            status, root, tmp = json.loads(swarm.python(node, name, INSIDE))
            none = "0" * 16
            assert status == ["65532", none, none, "1", "2"], name  # the two last: the engine's own
            assert "ro" in root
            assert {"noexec", "nosuid", "nodev"} <= set(tmp)


def test_the_one_check_of_all_servers_has_ended_well(swarm):
    end = time.monotonic() + DEADLINE
    while "epoll: ready" not in (
        said := swarm.ask(1, "service", "logs", "--raw", f"{STACK}_ready")
    ):
        assert time.monotonic() < end, said
        time.sleep(0.2)
