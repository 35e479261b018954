"""What `--server` says of a server that somebody else runs: where it is, in which protocol. Pure.

    NAME=HOST            a container of this lab: echo on port 7001, http on 7002, websocket on
                         7003, its meter on 7000
    NAME=HOST:PORT       one protocol; which one is found out by asking
      ,protocol=http     which one it is
      ,meter=7000        where its meter is: a port, HOST:PORT, or none
      ,here=HOST:PORT    where this machine reaches it, if the load reaches it elsewhere

NAME is a server that an experiment names. It may be given again, with another protocol, or with
another instance of the same: then the trials take turns.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lab.backends.contract import Address
from lab.errors import UsageError
from servers.catalog import PROTOCOLS, SERVERS
from servers.on_demand import port_of

PORT = 7001  # as in compose/servers.yml: of the first protocol, the others follow
METER = 7000
KEYS = ("protocol", "meter", "here")
EXAMPLE = "Write --server epoll=10.1.2.3:7001,meter=7000"


@dataclass(frozen=True, slots=True)
class Door:
    """One instance of a server in one protocol, "" where that is to be found out.

    address: as the load finds it. here: as this machine does. meter: as this machine finds it; None
    where there is none. stated: somebody said where the meter is, so it must be there.
    """

    server: str
    protocol: str
    address: Address
    here: Address
    meter: Address | None
    stated: bool = False

    def __str__(self) -> str:
        return f"{self.server} at {joined(self.address)}"


def parse(texts: Iterable[str]) -> list[Door]:
    """Read all of them. Raises UsageError with every mistake, a line each."""
    doors: list[Door] = []
    problems = []
    for text in texts:
        try:
            doors += _doors(text)
        except ValueError as error:
            problems.append(f"--server {text}: {error}. {EXAMPLE}")
    if problems:
        raise UsageError("\n".join(problems))
    return doors


def _doors(text: str) -> list[Door]:
    name, equals, rest = text.partition("=")
    where, *options = rest.split(",")
    if not (name and equals and where):
        raise ValueError("it needs a name and an address")
    given = _options(options)
    host, port = _split(where)
    here_host, here_port = _split(given["here"]) if "here" in given else (host, port)
    meter = _meter(given.get("meter", ""), here_host)
    spoken = given.get("protocol", "")
    if spoken and spoken not in PROTOCOLS:
        raise ValueError(f'no protocol "{spoken}", but {", ".join(PROTOCOLS)}')
    door = Door(name, spoken, (host, port), (here_host, here_port), meter, "meter" in given)
    if port:
        return [replace(door, here=(here_host, here_port or port))]
    if here_port:
        raise ValueError("here= has a port, and the address has none")
    server = SERVERS.get(name)
    wanted = [spoken] if spoken else [p for p in PROTOCOLS if server is None or server.speaks(p)]
    ports = {each: port_of(each, PORT) for each in wanted}
    return [
        replace(door, protocol=each, address=(host, port), here=(here_host, port))
        for each, port in ports.items()
    ]


def _options(options: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for option in options:
        key, _, value = option.partition("=")
        if key not in KEYS or not value:
            raise ValueError(f'"{option}" is none of {", ".join(f"{key}=…" for key in KEYS)}')
        if key in found:
            raise ValueError(f"{key} stands there twice")
        found[key] = value
    return found


def _meter(text: str, host: str) -> Address | None:
    if text == "none":
        return None
    if text.isdigit():
        return host, _port(text)
    at, port = _split(text) if text else (host, METER)
    return at, port or METER


def _split(text: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT or [ADDRESS]:PORT; port 0 where there is none."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not (rest == "" or rest.startswith(":")):
            raise ValueError(f'"{text}" is no [ADDRESS]:PORT')
        port = rest[1:]
    else:
        host, _, port = text.partition(":")
        if ":" in port:
            raise ValueError(f'an IPv6 address wants brackets: "[{text}]"')
    if not host:
        raise ValueError(f'"{text}" has no host')
    return host, _port(port) if port else 0


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise ValueError(f'"{text}" is no port')


def joined(address: Address) -> str:
    """Write an address as it is read."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
