"""`listen(5)` means that the sixth waiting client is refused: on Linux it is not.

Looked at: 12 clients connect to a listener of that kind that accepts nobody: how many are connected
in half a second, how many refused, and how many are connected once somebody accepts.
Control: with listen(128) all 12 are connected at once.
Source: listen(2): the request may be ignored, so that a retry succeeds; tcp(7), SYN retries.
"""

import errno
import select
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from lab.probes import Ruling

CLIENTS, FEW, MANY = 12, 5, 128
SOON_S, LATER_S = 0.5, 8.0  # a SYN is sent again after 1 s, then after 3


class Seen(NamedTuple):
    clients: int
    connected_soon: int
    refused: int
    connected_when_accepted: int
    overflows_counted: bool
    connected_soon_with_128: int


def observe() -> Seen:
    before = _overflows()
    soon, refused, later = _connect(FEW, LATER_S)
    counted = _overflows() > before
    return Seen(CLIENTS, soon, refused, later, counted, _connect(MANY, SOON_S)[0])


def judge(seen: Seen) -> Ruling:
    control = seen.connected_soon_with_128 == seen.clients
    if seen.connected_soon + seen.refused > seen.clients:
        return Ruling(None, control)
    waited = seen.refused == 0 and seen.connected_soon < seen.clients
    if waited and not (seen.overflows_counted and seen.connected_when_accepted == seen.clients):
        return Ruling(None, control)
    return Ruling(seen.refused > 0, control)


def _connect(backlog: int, patience_s: float) -> tuple[int, int, int]:
    """Return how many are connected soon, refused, and connected when somebody accepts."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(backlog)
        listener.setblocking(False)
        poller, clients = select.poll(), {}
        for _ in range(CLIENTS):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
            poller.register(client, select.POLLOUT)
            clients[client.fileno()] = client
        time.sleep(SOON_S)
        ended = [
            clients[number].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            for number, _ in poller.poll(0)
        ]
        soon, refused = ended.count(0), ended.count(errno.ECONNREFUSED)
        end = time.monotonic() + patience_s
        accepted = 0
        while accepted < CLIENTS and time.monotonic() < end:
            if select.select([listener], [], [], end - time.monotonic())[0]:
                stack.enter_context(listener.accept()[0])
                accepted += 1
        return soon, refused, accepted


def _overflows() -> int:
    """Return this network's ListenOverflows."""
    lines = Path("/proc/net/netstat").read_text(encoding="ascii").splitlines()
    names, values = (line.split() for line in lines if line.startswith("TcpExt:"))
    return int(values[names.index("ListenOverflows")])
