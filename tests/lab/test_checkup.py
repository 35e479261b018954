"""What an image is asked, and what lab doctor says of an engine."""

import json
from dataclasses import replace

import pytest

from lab.backends import checkup, inside
from lab.backends.checkup import Found
from lab.backends.inside import Inside
from lab.backends.networks import Subnet
from lab.errors import EnvironmentUnfit


def test_the_image_is_asked_what_it_lacks(engine):
    answer = {"python": "CPython 3.13.1", "nofile": 1024, "missing": {"x": "no x"}, "code": "1f"}
    engine.stdout, engine.dies = json.dumps(answer).encode(), 0
    found = inside.look(engine, "sha256:1f", "look@1")
    assert found == Inside(**answer)
    assert (found.lacks("x"), found.lacks("y")) == (
        "no x",
        "the image was built before anything needed y",
    )
    given = engine.created[0].given
    assert (given["network_mode"], given["user"]) == ("none", "65532:65532")
    assert engine.held == []


def test_an_image_of_something_else_is_said_so(engine):
    engine.stdout, engine.dies, engine.code = b"No module named servers\n", 1, 1
    with pytest.raises(EnvironmentUnfit, match=r"it says No module named servers.*make images"):
        inside.look(engine, "alpine", "look@1")
    assert engine.held == []


WELL = Found(
    version="28.1.1",
    api="1.49",
    system="Debian",
    cgroup="2",
    driver="systemd",
    compose="v2.35.1",
    image="io-lab-server",
    looked=Inside("CPython 3.13.1", 1_048_576, {"io_uring": ""}, "1f"),
    same_code=True,
    pool=Subnet("198.18.0.0/15"),
    free=Subnet("198.19.255.0/24"),
    claimed=(),
    tracked=(10, 262_144),
)


def test_an_engine_that_has_all_is_well():
    assert [check.name for check in checkup.checks(WELL) if not check.ok] == []


@pytest.mark.parametrize(
    ("changes", "name", "need"),
    [
        ({"api": "1.40"}, "docker", "20.10 or later"),
        ({"compose": ""}, "compose", "2.20 or later"),
        ({"compose": "2.19.1"}, "compose", "2.20 or later"),
        ({"compose": "1.29.2"}, "compose", "1.x cannot read"),
        ({"system": "Docker Desktop"}, "cgroup", "virtual machine"),
        ({"looked": "there is no image. Build it"}, "image", "Build it"),
        ({"same_code": False}, "image", "make images"),
        ({"looked": replace(WELL.looked, missing={"io_uring": "no"})}, "io_uring inside", "25"),
        ({"free": None}, "subnet", "LAB_POOL"),
        ({"claimed": [Subnet("198.18.0.0/16")]}, "subnet", "LAB_POOL"),
        ({"tracked": (200_000, 262_144)}, "connection table", "two minutes"),
    ],
)
def test_what_is_amiss_is_named_with_what_to_do(changes, name, need):
    (check,) = [check for check in checkup.checks(replace(WELL, **changes)) if not check.ok]
    assert check.name == name
    assert need in check.need
    assert not check.fatal
