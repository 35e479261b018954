"""While data is not ready, a non-blocking process may do other things.

Looked at: one loop, `receive, or else count`, until a message comes that is sent after 0.2 s.
Control: the same loop over a blocking socket never counts.
Source: recv(2), EAGAIN.
"""

import socket
from threading import Timer
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import tcp_pair

DELAY_S = 0.2


class Seen(NamedTuple):
    work_while_nonblocking: int
    work_while_blocking: int
    received_nonblocking: str
    received_blocking: str


def observe() -> Seen:
    free, first = _work(blocking=False)
    stuck, second = _work(blocking=True)
    return Seen(free, stuck, first, second)


def judge(seen: Seen) -> Ruling:
    free = seen.received_nonblocking == "late" and seen.work_while_nonblocking > 1000
    return Ruling(free, seen.received_blocking == "late" and seen.work_while_blocking == 0)


def _work(*, blocking: bool) -> tuple[int, str]:
    """Return how much other work was done before the message came, and the message."""
    work = 0
    with tcp_pair() as (client, accepted):
        accepted.setblocking(blocking)
        Timer(DELAY_S, _send, [client]).start()
        while True:
            try:
                return work, accepted.recv(64).decode()
            except BlockingIOError:
                work += 1


def _send(client: socket.socket) -> None:
    client.sendall(b"late")
