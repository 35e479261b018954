"""One byte-exact round trip with every server that is up: exit 0, or a line for each that fails.

Run once by Compose, in the servers' image, before Locust starts. No periodic health checks: they
would be billed to the servers, 27 of them took 65 % of a small machine.

Environment: COMPOSE_PROFILES, as Compose was given it: which servers are to be expected.
"""

import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from servers.catalog import PROTOCOLS, SERVERS
from servers.needs import missing

PORT = 7001  # of the first protocol of the catalog
PATIENCE = 30.0  # seconds for all to come up, on a slow machine; 4 are usual
AGAIN = 0.2  # seconds between two tries
SILENCE = 10.0  # seconds without an answer; a framework needs one or two for its start
READ = 65_536  # bytes
END = b"READY?"  # of an answer, in echo and in HTTP


def main() -> None:
    wanted = os.environ.get("COMPOSE_PROFILES", "all").split(",")
    chosen = [
        name for name, server in SERVERS.items() if {"all", name, server.family} & set(wanted)
    ]
    end = time.monotonic() + PATIENCE
    with ThreadPoolExecutor(len(chosen) or 1) as pool:
        found = dict(zip(chosen, pool.map(lambda name: trouble(name, end), chosen), strict=True))
    for name, why in found.items():
        print(f"{name}: {why or 'ready'}", flush=True)
    sys.exit(1 if any(found.values()) else 0)


def trouble(name: str, end: float) -> str:
    """Ask until it answers; what is wrong with it at the end. Empty: nothing."""
    if why := missing(SERVERS[name].needs):
        print(f"{name}: skipped, {why}", flush=True)  # its container says the same
        return ""
    while True:
        try:
            return round_trip(name)
        except OSError as error:
            if time.monotonic() > end:
                return str(error)
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
