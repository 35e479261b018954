"""io_uring is allowed where an experiment needs it, there for all of its arms, and nowhere else."""

import json

import pytest

from lab.backends import containers
from lab.backends.contract import StartOptions
from lab.cells import needs_ring
from lab.config import parse
from lab.plan import expand
from servers.catalog import SERVERS
from tests.lab.test_docker_backend import backend  # noqa: F401 # a fixture

LAB = """version: 1
profiles: {p: {looks: [3], warm-up: 1 s, window: 1 s, cool-down: 1 s}}
experiments:
  rings:
    question: "?"
    arms: [select, io-uring]
    load: {long: {connections: 1, rate: 1/s}}
  others:
    question: "?"
    arms: [select, epoll]
    load: {long: {connections: 1, rate: 1/s}}
claims:
  c: {kind: compare, sentence: s, experiment: rings, metric: cpu, ratio: select / io-uring,
      at-least: 1.1, because: b, profiles: [p]}
"""


def test_every_arm_of_an_experiment_that_needs_it_has_it_and_no_arm_of_another():
    cells = expand(parse(LAB.encode()), (), "p", 1).cells
    assert {cell.id: cell.io_uring for cell in cells} == {
        "rings/select": True,
        "rings/io-uring": True,
        "others/select": False,
        "others/epoll": False,
    }


def test_a_plan_without_it_says_nothing_of_it():
    cells = expand(parse(LAB.encode()), (), "p", 1).cells
    said = ["io_uring" in json.loads(cell.model_dump_json()) for cell in cells]
    assert said == [cell.io_uring for cell in cells]


def test_the_catalog_has_one_server_that_needs_it():
    assert [name for name in SERVERS if needs_ring(name)] == ["io-uring"]
    assert not needs_ring("mine")


@pytest.mark.parametrize("needed", [True, False])
def test_the_container_gets_the_profile_that_its_experiment_needs(backend, engine, needed):  # noqa: F811
    options = StartOptions(port=20_000, cpu=1, label="run@1", io_uring=needed)
    with backend.start("select", "echo", options):
        [_, seccomp] = engine.created[0].given["security_opt"]
    assert ("io_uring_setup" in seccomp) is needed
    assert seccomp == containers.profile(io_uring=needed)[0]
