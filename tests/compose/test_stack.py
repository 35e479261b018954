"""What is for several machines, read as data: the Swarm stack and the manifests for Kubernetes.

The stack is held against the compose files: what a swarm can be told, both must say alike.
"""

import re
from pathlib import Path

import pytest
import yaml

from servers.catalog import SERVERS

ROOT = Path(__file__).parents[2]
STACK = yaml.safe_load((ROOT / "compose/stack.yml").read_text())
SERVICES = STACK["services"]
COMPOSE = {
    name: service
    for file in ("servers", "load")
    for name, service in yaml.safe_load((ROOT / f"compose/{file}.yml").read_text())[
        "services"
    ].items()
}
MANIFESTS = {
    path.stem: list(yaml.safe_load_all(path.read_text()))
    for path in sorted((ROOT / "docs/clusters").glob("*.yaml"))
}
SIZES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def size(text):
    return int(text[:-1]) * SIZES[text[-1].lower()]


def limits(name):
    return SERVICES[name]["deploy"]["resources"]["limits"]


# the Swarm


def test_the_stack_has_each_server_of_the_catalog_in_its_order_and_the_load():
    assert list(SERVICES) == [*SERVERS, "ready", "master", "worker"]
    assert set(SERVICES) == set(COMPOSE) - {"image"}  # no stack builds


def test_servers_of_the_stack_differ_in_nothing_but_their_name():
    alike = [{k: v for k, v in SERVICES[name].items() if k != "command"} for name in SERVERS]
    assert all(one == alike[0] for one in alike)
    assert [SERVICES[name]["command"] for name in SERVERS] == list(SERVERS)


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_of_the_stack_may_do_no_more_than_one_of_compose(name):
    here, there = SERVICES[name], COMPOSE[name]
    for key in (
        "user",
        "read_only",
        "cap_drop",
        "init",
        "labels",
        "logging",
        "sysctls",
        "entrypoint",
    ):
        assert stringed(here.get(key)) == stringed(there.get(key)), key
    assert here["image"].endswith(f":-{there['image']}}}")
    assert here["read_only"] is True
    assert here["cap_drop"] == ["ALL"]
    assert size(limits(name)["memory"]) == size(there["mem_limit"])
    assert limits(name)["pids"] == there["pids_limit"]
    [mount] = here["volumes"]
    asked = dict(part.partition("=")[::2] for part in there["tmpfs"][0].split(","))
    assert mount == {"type": "tmpfs", "target": "/tmp", "tmpfs": {"size": size(asked["size"])}}
    forbidden = {"privileged", "cap_add", "devices", "pid", "ipc", "network_mode", "healthcheck"}
    assert not forbidden & set(here)


def stringed(value):
    """YAML's numbers and texts are one to the engine: a sysctl is 1 here and "1" there."""
    return {key: str(one) for key, one in value.items()} if isinstance(value, dict) else value


def test_the_stack_says_nothing_that_a_swarm_would_pass_over():
    ignored = {"build", "security_opt", "depends_on", "restart", "mem_limit", "pids_limit", "tmpfs"}
    assert all(not ignored & set(service) for service in SERVICES.values())
    assert not any("pull_policy" in service for service in SERVICES.values())


@pytest.mark.parametrize("name", SERVICES)
def test_a_name_is_the_containers_own_address(name):
    assert SERVICES[name]["deploy"]["endpoint_mode"] == "dnsrr"


def test_load_and_servers_are_never_on_one_node():
    placed = {name: one["deploy"]["placement"]["constraints"] for name, one in SERVICES.items()}
    assert all("node.labels.iolab == servers" in placed[name] for name in (*SERVERS, "ready"))
    assert all("node.labels.iolab != servers" in placed[name] for name in ("master", "worker"))


def test_workers_are_spread_and_the_master_waits_for_all_of_them():
    deploy = SERVICES["worker"]["deploy"]
    assert deploy["placement"]["preferences"] == [{"spread": "node.id"}]
    assert deploy["placement"]["max_replicas_per_node"] == "${LAB_WORKERS_PER_NODE:-1}"
    assert deploy["replicas"] == "${LAB_WORKERS:-2}"
    assert "--expect-workers=${LAB_WORKERS:-2}" in SERVICES["master"]["command"]


def test_nothing_is_published_but_the_page_and_that_not_without_a_token():
    published = {name for name, service in SERVICES.items() if "ports" in service}
    assert published == {"master"}
    assert SERVICES["master"]["ports"][0]["target"] == 8089
    assert SERVICES["master"]["environment"]["LAB_TOKEN"].startswith("${LAB_TOKEN:?")


def test_only_the_master_is_in_a_network_of_the_stack_with_a_way_out():
    placed = {name: service["networks"] for name, service in SERVICES.items()}
    others = {name: networks for name, networks in placed.items() if networks != ["lab"]}
    assert others == {"master": ["lab", "page"]}
    assert STACK["networks"]["lab"]["internal"] is True
    for network in STACK["networks"].values():
        assert network["driver"] == "overlay"
        assert network["labels"] == {"org.iolab.project": "io-lab"}
        [config] = network["ipam"]["config"]
        assert re.fullmatch(r"\$\{LAB_\w*SUBNET:-198\.1[89]\.\d+\.0/\d+\}", config["subnet"])


def test_the_load_may_go_to_the_networks_servers_and_to_nobody_else():
    [config] = STACK["networks"]["lab"]["ipam"]["config"]
    for name in ("master", "worker"):
        allowed = SERVICES[name]["environment"]["LAB_ALLOW_TARGETS"]
        assert allowed == config["subnet"] + ",${LAB_ALLOW_TARGETS:-}"


# Kubernetes: written, not run


def of_kind(kind):
    return [one for many in MANIFESTS.values() for one in many if one["kind"] == kind]


def test_a_server_on_kubernetes_may_do_as_little_as_one_of_compose():
    [deployment] = of_kind("Deployment")
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    [name] = container["args"]
    assert name in SERVERS
    user, group = COMPOSE[name]["user"].split(":")
    context = pod["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (int(user), int(group))
    assert context["runAsNonRoot"] is True
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"] == {"memory": "1Gi"}
    assert size(COMPOSE[name]["mem_limit"]) == 1 << 30
    assert pod["automountServiceAccountToken"] is False
    assert [port["containerPort"] for port in container["ports"]] == [7000, 7001, 7002, 7003]


def test_a_name_on_kubernetes_is_the_pods_own_address():
    [service] = of_kind("Service")
    [deployment] = of_kind("Deployment")
    assert service["spec"]["clusterIP"] == "None"
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert service["metadata"]["name"] == deployment["metadata"]["name"]


def test_the_operator_is_asked_for_the_labs_image_and_as_many_workers_as_are_expected():
    [test] = of_kind("LocustTest")
    spec = test["spec"]
    assert spec["image"] == COMPOSE["master"]["image"]
    assert f"--expect-workers={spec['workers']}" in spec["args"].split()
    given = {one["name"] for one in spec["env"]}
    assert given == {"LAB_TOKEN", "LAB_ALLOW_TARGETS"}


@pytest.mark.parametrize("path", sorted((ROOT / "docs/clusters").glob("*.yaml")), ids=str)
def test_what_was_not_run_says_so(path):
    assert "# NOT RUN by this project" in path.read_text()


def test_every_manifest_carries_the_labs_label():
    for many in MANIFESTS.values():
        for one in many:
            assert one["metadata"]["labels"]["org.iolab.project"] == "io-lab"
