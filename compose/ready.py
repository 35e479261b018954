"""One byte-exact round trip with every server that is up: exit 0, or a line for each that fails.

Run once by Compose, in the servers' image, before Locust starts. No periodic health checks: they
would be billed to the servers, 27 of them took 65 % of a small machine.

Environment: COMPOSE_PROFILES, as Compose was given it: which servers are to be expected. All of
them, or nothing said: then some may have been chosen by name, `docker compose up epoll worker`,
which nobody tells us. So those of whom nobody has heard count as not chosen, once no other has come
up for a while. Where profiles were named, all that they mean must be there.
"""

import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from servers.catalog import PROTOCOLS, SERVERS
from servers.needs import missing

PORT = 7001  # of the first protocol of the catalog
PATIENCE = 60.0  # seconds for all to come up, on a slow machine; 4 are usual
QUIET = 8.0  # seconds since the last server came up; they start some 0.3 s apart
AGAIN = 0.2  # seconds between two tries
SILENCE = 10.0  # seconds without an answer; a framework needs one or two for its start
READ = 65_536  # bytes
END = b"READY?"  # of an answer, in echo and in HTTP
READY, SKIPPED = "ready", "skipped, "  # and why
ABSENT = "not up: not chosen, or it has ended (docker compose ps --all)"


@dataclass
class Roll:
    """Who has come up so far. end, latest: by the monotonic clock."""

    end: float
    latest: float = field(default_factory=time.monotonic)
    up: set[str] = field(default_factory=set)

    def note(self, name: str) -> None:
        if name not in self.up:
            self.up.add(name)
            self.latest = time.monotonic()

    def closed(self) -> bool:
        """Nobody else will come."""
        return time.monotonic() > min(self.end, self.latest + QUIET)


def main() -> None:
    wanted = set(os.environ.get("COMPOSE_PROFILES", "all").split(","))
    chosen = [name for name, server in SERVERS.items() if {"all", name, server.family} & wanted]
    roll = Roll(time.monotonic() + PATIENCE)
    with ThreadPoolExecutor(len(chosen) or 1) as pool:
        found = dict(zip(chosen, pool.map(lambda name: state(name, roll), chosen), strict=True))
    for name, word in found.items():
        print(f"{name}: {word}", flush=True)
    fine = {READY, ABSENT} if "all" in wanted else {READY}
    bad = [word for word in found.values() if word not in fine and not word.startswith(SKIPPED)]
    sys.exit(1 if bad or READY not in found.values() else 0)


def state(name: str, roll: Roll) -> str:
    """Ask until it answers; READY, or what is wrong with it at the end."""
    if why := missing(SERVERS[name].needs):
        return SKIPPED + why  # its container says the same
    while True:
        try:
            wrong = round_trip(name)
        except socket.gaierror:  # nobody has that name, or not yet
            if roll.closed():
                return ABSENT
        except OSError as error:
            roll.note(name)
            if time.monotonic() > roll.end:
                return str(error)
        else:
            roll.note(name)
            return wrong or READY
        time.sleep(AGAIN)


def round_trip(name: str) -> str:
    """Hold the catalog's exchange in echo, or in the first protocol spoken. Raises OSError."""
    protocol = next(protocol for protocol in PROTOCOLS if SERVERS[name].speaks(protocol))
    spoken = PROTOCOLS[protocol]
    port = PORT + list(PROTOCOLS).index(protocol)
    with socket.create_connection((name, port), SILENCE) as client:
        client.sendall(spoken.question)
        answer = b""
        while not answer.endswith(END) and (data := client.recv(READ)):
            answer += data
    framework = SERVERS[name].family == "framework"  # its head is its own: the body must come
    right = answer.endswith(END) if framework else answer == spoken.answer
    return "" if right else f"asked {spoken.question!r}, got {answer!r}, not {spoken.answer!r}"


if __name__ == "__main__":
    main()
