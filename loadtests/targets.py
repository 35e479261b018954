"""Whom the load engine may load: this machine itself, the lab's network, and who was named.

A load generator that goes wherever it is told is a denial of service waiting for a mistyped
address. So the engine connects only where these rules let it, and the master says so before:

* loopback, always;
* the networks, addresses and names in LAB_ALLOW_TARGETS, separated by commas. Whoever starts Locust
  puts the lab's own network there, and `allow_targets` of lab.yaml;
* a name is judged by all its addresses, and the engine connects to one that was judged;
* an IPv4 address written as IPv6 is an IPv4 address;
* "any address" (0.0.0.0, ::), broadcast and multicast are nobody's, whatever is allowed.

198.18.0.0/15 as a whole is not allowed: some proxies hand out addresses of it for names of the
world outside, so only the subnets that the lab has made are its own.

Standard library only: the engine, the master and the lab import it.
"""

import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

ALLOW = "LAB_ALLOW_TARGETS"
BROADCAST = IPv4Address("255.255.255.255")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_-]{1,63})*")
_NUMBERS = re.compile(r"[0-9.]+|0x[0-9a-f.x]+")  # an old spelling of an address: 127.1, 0x7f000001


class Refused(ValueError):
    """A target that may not be loaded, in one line."""


def allowed(environment: Mapping[str, str]) -> list[str]:
    """Return what an environment allows beside loopback."""
    entries = environment.get(ALLOW, "").split(",")
    return [entry.strip() for entry in entries if entry.strip()]


def problem(entry: str) -> str:
    """Say what is wrong with an entry of `allow_targets`; "": nothing."""
    meant = "Write a name, an address or a network: 10.1.2.3, 10.1.0.0/16, lab.example."
    if _network(entry) is not None:
        return ""
    plain = _plain(entry)
    if _NAME.fullmatch(plain) is None or _NUMBERS.fullmatch(plain):
        return f"is no target. {meant}"
    return ""


def refused(host: str, addresses: Iterable[str], allowed: Sequence[str]) -> str:
    """Say why a host with these addresses may not be loaded; "": it may. Pure.

    addresses: all that the name stands for. allowed: entries as in `allow_targets`.
    Raises ValueError for an entry that is none: better no load than one that nobody checked.
    """
    for entry in allowed:
        if why := problem(entry):
            raise Refused(f'{ALLOW}: "{entry}" {why}')
    named = _plain(host) in {_plain(entry) for entry in allowed}
    networks = [network for entry in allowed if (network := _network(entry)) is not None]
    found = [_address(text) for text in addresses]
    if not found:
        return f"{host} has no address."
    for address in found:
        shown = host if host == str(address) else f"{host} ({address})"
        if address.is_unspecified or address.is_multicast or address == BROADCAST:
            return f"{shown} is no server's address. For this machine write 127.0.0.1."
        if not (named or address.is_loopback or any(address in one for one in networks)):
            return (
                f"{shown} is neither this machine, nor in the lab's network, nor allowed. If it is "
                f"yours to load, add it to allow_targets in lab.yaml, or to {ALLOW} of the Locust "
                "master and its workers."
            )
    return ""


def locate(host: str, port: int, allowed: Sequence[str]) -> tuple[socket.AddressFamily, Any]:
    """Return address family and socket address of a target. Raises Refused, or OSError where the
    name is unknown.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if why := refused(host, [str(address[0]) for *_, address in found], allowed):
        raise Refused(why)
    family, _, _, _, address = found[0]
    return family, address


def stranger(host: str, port: int, environment: Mapping[str, str]) -> str:
    """Say why a target may not be loaded, before the engines do; "": they may think otherwise, as
    a name may be known to them only.
    """
    try:
        locate(host, port, allowed(environment))
    except Refused as why:
        return str(why)
    except (OSError, UnicodeError):
        return ""
    return ""


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _address(text: str) -> IPv4Address | IPv6Address:
    found = ip_address(text.partition("%")[0])  # without the interface: fe80::1%eth0
    return getattr(found, "ipv4_mapped", None) or found


def _network(entry: str) -> Any:
    """Return a network, or an address as a network of one; None: it is a name or nothing."""
    try:
        found = ip_network(entry)
    except ValueError:
        return None
    mapped = getattr(found.network_address, "ipv4_mapped", None)
    if isinstance(found, IPv6Network) and mapped and found.prefixlen >= 96:
        return ip_network((mapped, found.prefixlen - 96))
    return found
