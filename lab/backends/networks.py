"""The network of a run: internal, with a subnet that nobody else has, and its end.

An address in it reaches the server straight from this machine. The subnet is the first free one of
a range set aside for benchmarks, looked for from the top: Compose takes the bottom.

An experiment that asks what a network costs has arms elsewhere (`Spot`): in this machine's own
network, bound to loopback there; or behind a port published on 127.0.0.1, for which the engine
wants a network that is not internal: it gets one without a way out (no masquerading).
"""

import ipaddress
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.types import IPAMConfig, IPAMPool  # type: ignore[import-untyped]

from lab.backends.containers import NAME, EngineError, explained, labels, remove, whole
from lab.errors import EnvironmentUnfit

POOL = "198.18.0.0/15"  # RFC 2544: for benchmarks. LAB_POOL names another one
SUBNET_BITS = 24  # of each run's own network
SERVER_HOST = 10  # of the server in it: 198.19.255.10
LOOPBACK, ANY = "127.0.0.1", "0.0.0.0"  # inside a container's own network
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"

Subnet = ipaddress.IPv4Network


@dataclass(frozen=True, slots=True)
class Network:
    """The network of one run."""

    name: str
    subnet: Subnet

    @property
    def server(self) -> str:
        """The fixed address of whichever server runs."""
        return str(self.subnet[SERVER_HOST])

    def spot(self, client: Any, port: int) -> "Spot":
        """Return where a server stands in it."""
        return Spot(self.place(client), ANY, (self.server, port))

    def place(self, client: Any, host: int = SERVER_HOST) -> dict[str, Any]:
        """Return the arguments of create() that put a container there, at a fixed address."""
        end = client.api.create_endpoint_config(ipv4_address=str(self.subnet[host]))
        return {"network": self.name, "networking_config": {self.name: end}}


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a server's container is put: arguments of create(), what it binds, who finds it."""

    arguments: dict[str, Any]
    binds: str
    address: tuple[str, int]


def on_host(port: int) -> Spot:
    """In this machine's own network; nobody else reaches it."""
    return Spot({"network_mode": "host"}, LOOPBACK, (LOOPBACK, port))


def published(client: Any, run: str, port: int) -> Spot:
    """Behind a port of 127.0.0.1, which the engine's proxy holds. Raises EnvironmentUnfit."""
    name = f"{NAME}-{run.replace('@', '-')}-published"
    with explained():
        there = client.networks.list(names=[name])
    if not there:
        _make(client, run, name)
    given = {"network": name, "ports": {f"{port}/tcp": (LOOPBACK, port)}}
    return Spot(given, ANY, (LOOPBACK, port))


@contextmanager
def network(client: Any, run: str) -> Iterator[Network]:
    """Make the run's network; in the end remove all containers of the run, and it."""
    try:
        yield _make(client, run)
    finally:
        remove(client, run)


def _make(client: Any, run: str, published: str = "") -> Network:
    """Take the first subnet that nobody has. Raises EnvironmentUnfit where there is none.

    published: the name of one from which ports can be published; "": an internal one.
    """
    with explained():
        taken = [*engine_subnets(client), *host_subnets()]
    refused = ""
    for subnet in free_subnets(pool(), taken):
        addresses = IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))])
        name = published or f"{NAME}-{subnet.network_address}"
        made = {"internal": not published, "ipam": addresses, "labels": labels(run)}
        made["check_duplicate"] = True  # before Engine 25 two may have one name
        if published:
            made["options"] = {MASQUERADE: "false"}
        try:
            with explained():
                whole(lambda: client.networks.create(name, driver="bridge", **made))  # noqa: B023
        except EngineError as error:
            if not any(word in str(error) for word in ("overlap", "already exists")):
                raise EnvironmentUnfit(f"docker makes no network: {error}") from error
            refused = str(error)  # another run was quicker, or something the lists do not show
        else:
            return Network(name, subnet)
    raise EnvironmentUnfit(
        f"no subnet of {pool()} is free. {refused} Remove networks that nobody needs (`lab clean`, "
        "`docker network ls`), or name another range: LAB_POOL=10.123.0.0/16."
    )


def pool() -> Subnet:
    """Return the addresses that runs may take. Raises EnvironmentUnfit."""
    text = os.environ.get("LAB_POOL") or POOL
    try:
        found = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise EnvironmentUnfit(f"LAB_POOL: {error}. Write a network: 10.123.0.0/16") from error
    if found.prefixlen > SUBNET_BITS:
        raise EnvironmentUnfit(f"LAB_POOL: {found} is too small. Write a /{SUBNET_BITS} or larger")
    return found


def free_subnets(pool: Subnet, taken: Iterable[Subnet]) -> Iterator[Subnet]:
    """Those that overlap with nothing, from the top down: Compose takes the bottom."""
    held = list(taken)
    size = 2 ** (32 - SUBNET_BITS)
    for first in range(int(pool.broadcast_address) + 1 - size, int(pool[0]) - 1, -size):
        subnet = Subnet((first, SUBNET_BITS))
        if not any(subnet.overlaps(other) for other in held):
            yield subnet


def engine_subnets(client: Any) -> list[Subnet]:
    """Return the subnets of all networks of the engine."""
    found = []
    for one in client.networks.list():
        for config in (one.attrs.get("IPAM") or {}).get("Config") or ():
            with suppress(ValueError, KeyError):  # IPv6, or none
                found.append(Subnet(config["Subnet"]))
    return found


def host_subnets(routes: Path = Path("/proc/net/route")) -> list[Subnet]:
    """Return where this machine has a route to, but the default one: a proxy may claim the range.

    Addresses stand there as the machine's own integers in hexadecimal, proc(5).
    """
    found = []
    with suppress(OSError):
        for line in routes.read_text(encoding="ascii").splitlines()[1:]:
            _, target, _, _, _, _, _, mask, *_ = line.split()
            swap = struct.Struct("=I").pack
            bits = int(mask, 16).bit_count()
            if bits:
                address = ipaddress.IPv4Address(swap(int(target, 16)))
                found.append(Subnet((address, bits), strict=False))
    return found
