"""The form of a load by hand: what may be chosen, and an order of it. Pure.

Locust shows the fields of FIELDS in its own start form and checks none of them. Locust's own
"number of users", ramp-up and host mean nothing here: Locust's users are tokens, one for each class
of connections, and the load is what these fields say.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtests.engine.arrivals import split
from loadtests.engine.classes import NAMES
from loadtests.engine.order import LONGEST_LIVE
from servers.catalog import PROTOCOLS, SERVERS

PORTS = {name: 7001 + number for number, name in enumerate(PROTOCOLS)}  # in a lab's container
METER_PORT = 7000
WORKLOADS = {  # → the classes that ask, and whether connections may be idle beside them
    "long": (("long",), False),
    "short": (("short",), False),
    "idle + busy": (("long",), True),
    "mixed": (("long", "short"), True),
}
MOST = {  # far beyond any server here; what is not known to be a slip of the finger is let pass
    "connections": 20_000,
    "idle": 60_000,
    "rate": 200_000,
    "payload": 1 << 20,
}


@dataclass(frozen=True)
class Field:
    """One field of the form, and one option of the command line."""

    default: str | int | float
    help: str
    choices: tuple[str, ...] = ()


FIELDS = {
    "server": Field(
        "epoll",
        "Whom to load. Live numbers, gates and the last runs: /lab/ on this page's address.",
        tuple(SERVERS),
    ),
    "protocol": Field("http", "What is spoken.", tuple(PROTOCOLS)),
    "workload": Field(
        "long",
        "long: connections stay open. short: one request each. idle + busy: long, and idle ones "
        "beside. mixed: half of them long, half short, and idle ones. Slow, never-finishing, "
        "churning and storming connections, and their victims, need trials: lab run.",
        tuple(WORKLOADS),
    ),
    "connections": Field(
        20,
        "Connections that ask, of all workers together. Locust's own number of users, ramp-up and "
        "host do not matter.",
    ),
    "idle": Field(0, "Connections that are open and silent (idle + busy, mixed)."),
    "rate": Field(
        0.0, "Requests per second, whatever the answers do. 0: each connection asks when answered."
    ),
    "payload": Field(64, "Bytes of a request."),
    "target": Field(
        "", "HOST:PORT of a server outside of the lab's network. Empty: the lab's own."
    ),
}


class BadForm(ValueError):
    """What is wrong with a form, in one line for who filled it in."""


@dataclass(frozen=True)
class Wish:
    """A form that was filled in well. target: None for the lab's own container."""

    server: str
    protocol: str
    workload: str
    connections: int
    idle: int
    rate: float
    payload: int
    target: tuple[str, int] | None
    seconds: float

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        return self.target or (self.server, PORTS[self.protocol])

    @property
    def label(self) -> str:
        """The name in Locust's statistics."""
        facts = {"n": self.connections, "idle": self.idle, "rate": self.rate}
        said = " ".join(f"{name}={value:g}" for name, value in facts.items() if value)
        return f"{self.server} {self.protocol} {self.workload} {said}"

    def classes(self) -> dict[str, dict[str, Any]]:
        """Return the load of each class, as in an order."""
        asking = WORKLOADS[self.workload][0][: self.connections]
        found = {}
        for number, name in enumerate(asking):
            found[name] = {
                "connections": split(self.connections, number, len(asking)),
                "rate": self.rate / len(asking),
                "payload": self.payload,
            }
        if self.idle:
            found["idle"] = {"connections": self.idle, "rate": 0.0, "payload": self.payload}
        return found

    def order(self, number: int, address: tuple[str, int]) -> dict[str, Any]:
        """Return the order for the engines. address: of `place`, looked up."""
        return {
            "trial": f"hand-{number}",
            "label": self.label,
            "target": list(address),
            "protocol": self.protocol,
            "classes": self.classes(),
            "seed": number,
            "timing": {"warm_up": 0, "window": self.seconds, "cool_down": 0},
            "live": True,
        }


def read(form: Mapping[str, str], seconds: float | None) -> Wish:
    """Check every field. seconds: the run time asked for; None: until it is stopped.

    A field that is missing or empty has its default. Raises BadForm.
    """
    given = {
        name: form.get(name, "").strip() or str(field.default) for name, field in FIELDS.items()
    }
    for name, field in FIELDS.items():
        if field.choices and given[name] not in field.choices:
            raise BadForm(_no_choice(name, given[name], field.choices))
    server, protocol, workload = given["server"], given["protocol"], given["workload"]
    spoken = [name for name in PROTOCOLS if SERVERS[server].speaks(name)]
    if protocol not in spoken:
        raise BadForm(f"{server} does not speak {protocol}. It speaks {_or(spoken)}.")
    if seconds is not None and not 0 < seconds <= LONGEST_LIVE:
        raise BadForm(f"A run time is above 0 and at most {LONGEST_LIVE // 60} minutes.")
    idle = _whole(given, "idle", 0)
    if idle and not WORKLOADS[workload][1]:
        raise BadForm(f'"{workload}" has no idle connections. Choose "idle + busy" or "mixed".')
    if workload == "idle + busy" and not idle:
        raise BadForm('"idle + busy" needs idle connections. Write how many, or choose "long".')
    return Wish(
        server,
        protocol,
        workload,
        _whole(given, "connections", 1),
        idle,
        _number(given, "rate"),
        _whole(given, "payload", 1),
        _target(given["target"]),
        float(seconds or LONGEST_LIVE),
    )


def _no_choice(name: str, chosen: str, choices: tuple[str, ...]) -> str:
    if name == "workload" and chosen in NAMES:
        return f"{chosen} needs a trial: lab run, docs/classes.md. By hand choose {_or(choices)}."
    return f'There is no {name} "{chosen}". Choose {_or(choices)}.'


def _number(given: Mapping[str, str], name: str, least: float = 0) -> float:
    text = given[name]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= MOST[name]:
        raise BadForm(f'{name}: "{text}" is no number from {least:g} to {MOST[name]}.')
    return value


def _whole(given: Mapping[str, str], name: str, least: int) -> int:
    text = given[name]
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= MOST[name]:
        raise BadForm(f'{name}: "{text}" is no whole number from {least} to {MOST[name]}.')
    return int(text)


def _target(text: str) -> tuple[str, int] | None:
    if not text:
        return None
    match = re.fullmatch(r"(\[[0-9a-fA-F:.%]+\]|[^\s\[\]:/@]+):([0-9]{1,5})", text)
    if match is None or not 0 < int(match[2]) < 1 << 16:
        raise BadForm(f'target: "{text}" is not HOST:PORT, such as 127.0.0.1:8000.')
    return match[1].strip("[]"), int(match[2])


def _or(names: Any) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else str(last)
