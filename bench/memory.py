"""What one more silent connection costs each server in memory: python -m bench.memory.

PSS of all its processes, read by the lab's own meter, with 1 and with 401 connections that have
asked once and are silent since; the difference, by connection. The kernel's own memory for a socket
comes on top.
"""

import socket
import sys
from contextlib import ExitStack

from lab.backends.contract import StartOptions, Target
from lab.backends.process import ProcessBackend
from lab.wire import client
from servers.catalog import PROTOCOLS, SERVERS
from servers.needs import missing

FEW, MANY = 1, 401  # connections


def main() -> None:
    for name, server in SERVERS.items():
        if server.at_once or server.pool or missing(server.needs):
            continue
        protocol = "echo" if server.speaks("echo") else "http"
        with ProcessBackend().start(name, protocol, StartOptions()) as target, ExitStack() as held:
            few = pss(target, protocol, FEW, held)
            many = pss(target, protocol, MANY - FEW, held)
        print(f"{name:30} {(many - few) / (MANY - FEW) / 1024:8.1f} KiB", flush=True)


def pss(target: Target, protocol: str, more: int, held: ExitStack) -> int:
    """Connect so many more clients, have each answered once, and read the memory."""
    for _ in range(more):
        connection = held.enter_context(client(target, protocol))
        connection.sendall(PROTOCOLS[protocol].question)
        if not connection.recv(65536, socket.MSG_PEEK):
            sys.exit("a client was turned away")
    return target.meter.footprint().pss_bytes


if __name__ == "__main__":
    main()
