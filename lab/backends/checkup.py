"""lab doctor and the Docker engine: what it is, what a container may, and what to do about it.

None of it is fatal: without an engine the lab runs servers as local processes.
"""

import re
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.backends import containers, inside, networks
from lab.backends.inside import Inside
from lab.backends.networks import Subnet
from lab.errors import EnvironmentUnfit
from lab.fitness import Check

API = (1, 41)  # Engine 20.10: the oldest one tried
COMPOSE = (2, 20)  # the first with `include`
CONNTRACK = Path("/proc/sys/net/netfilter")
CONNTRACK_SHARE = 0.5  # of the table; the engine walks all of it whenever a container ends


@dataclass(frozen=True)
class Found:
    """What there is. compose: "" where there is none; looked: why the image could not be asked."""

    version: str
    api: str
    system: str
    cgroup: str
    driver: str
    compose: str
    image: str
    looked: Inside | str
    same_code: bool
    pool: Subnet
    free: Subnet | None
    claimed: Sequence[Subnet]
    tracked: tuple[int, int]  # connections in the host's table, and its size; (0, 0): has none


def examine() -> list[Check]:
    """Look at the engine, and ask one container what it is like inside; about two seconds."""
    try:
        client = containers.connect()
    except EnvironmentUnfit as error:
        return [_check("docker", "no engine", str(error))]
    with closing(client):
        try:
            return checks(_look(client))
        except (EnvironmentUnfit, containers.EngineError) as error:
            return [_check("docker", "an engine that cannot be used", str(error))]


def _look(client: Any) -> Found:
    with containers.explained():
        version, info = client.version(), client.info()
        engine = networks.engine_subnets(client)
    host = networks.host_subnets()
    pool = networks.pool()
    name = containers.image_name()
    looked: Inside | str
    try:
        image = containers.image_id(client, name)
        looked = inside.look(client, image, containers.own_label())
    except EnvironmentUnfit as error:
        looked = str(error)
    return Found(
        version=version["Version"],
        api=version["ApiVersion"],
        system=str(info.get("OperatingSystem", "")),
        cgroup=str(info.get("CgroupVersion", "1")),
        driver=str(info.get("CgroupDriver", "unknown")),
        compose=_compose(),
        image=name,
        looked=looked,
        same_code=isinstance(looked, Inside) and looked.code == inside.here().code,
        pool=pool,
        free=next(networks.free_subnets(pool, [*engine, *host]), None),
        claimed=[one for one in host if one.overlaps(pool) and one not in engine],
        tracked=(_number("nf_conntrack_count"), _number("nf_conntrack_max")),
    )


def checks(found: Found) -> list[Check]:
    """Hold what there is against what is needed. Pure."""
    old = _numbers(found.api) < API
    desktop = "Docker Desktop" in found.system
    compose = _numbers(found.compose) < COMPOSE
    few = "Install the plugin docker-compose 2.20 or later: `docker compose up` needs it."
    v1 = _numbers(found.compose)[:1] == (1,)
    old_one = f"docker-compose 1.x cannot read docker-compose.yml. {few}"
    return [
        _check(
            "docker",
            f"engine {found.version}, API {found.api}",
            "Install Docker Engine 20.10 or later." * old,
        ),
        _check("compose", found.compose or "not found", (old_one if v1 else few) * compose),
        _check(
            "cgroup",
            f"v{found.cgroup}, {found.driver}",
            "Docker Desktop runs containers in a virtual machine: they cannot be metered from "
            "here. Use an engine on this machine for --backend docker." * desktop,
        ),
        *_inside(found),
        _subnet(found),
        _conntrack(*found.tracked),
    ]


def _inside(found: Found) -> list[Check]:
    looked = found.looked
    if isinstance(looked, str):
        return [_check("image", f"{found.image} cannot be asked", looked)]
    stale = "It was built from other files than these. Build it anew: make images"
    ring = looked.missing.get("io_uring", "")
    return [
        _check("image", f"{found.image}, {looked.python}", stale * (not found.same_code)),
        Check("open files inside", ok=True, found=str(looked.nofile)),
        _check(
            "io_uring inside",
            "denied" if ring else "allowed",
            f"{ring}. Engine 25 and later forbid it unless compose/seccomp.json says otherwise; "
            "see also kernel.io_uring_disabled. The server io-uring is skipped."
            if ring
            else "",
        ),
    ]


def _subnet(found: Found) -> Check:
    if found.free is None:
        need = "Remove networks that nobody needs, or name another range: LAB_POOL=10.123.0.0/16."
        return _check("subnet", f"none of {found.pool} is free", need)
    if found.claimed:
        claims = ", ".join(map(str, found.claimed))
        need = "Name another range if containers cannot be reached: LAB_POOL=10.123.0.0/16."
        return _check("subnet", f"{found.free}; this machine routes to {claims}", need)
    return Check("subnet", ok=True, found=f"{found.free} is next")


def _conntrack(count: int, most: int) -> Check:
    """The engine goes through the whole table for each container that ends; a full one drops."""
    need = (
        "The engine walks all of them whenever a container ends, up to seconds, and a full table "
        "drops packets. Wait two minutes: most are connections that have ended."
    )
    full = most and count > most * CONNTRACK_SHARE
    return _check("connection table", f"{count} of {most}" if most else "none", need * bool(full))


def _check(name: str, found: str, need: str) -> Check:
    return Check(name, ok=not need, found=found, need=need, fatal=False)


def _numbers(version: str) -> tuple[int, ...]:
    """Return "v2.26.1-4" as (2, 26, 1, 4); () where there is nothing."""
    return tuple(map(int, re.findall(r"\d+", version)))


def _compose() -> str:
    """Return the version of the plugin, else of the program of old; "": there is none."""
    return _says("docker", "compose") or _says("docker-compose")


def _says(*command: str) -> str:
    words = [*command, "version", "--short"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _number(name: str) -> int:
    try:
        return int((CONNTRACK / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
