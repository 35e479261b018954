"""Without data a non-blocking call returns at once and says so.

Looked at: the slowest but ten of 1000 calls of recv() on a silent non-blocking socket, and what
they say.
Control: the same call on a blocking socket waits for the data, which come after 0.2 s.
Source: recv(2), EAGAIN.
"""

import errno
import socket
import time
from threading import Timer
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import seconds, tcp_pair

CALLS = 1000
DELAY_S = 0.2
AT_ONCE_S = 0.001


class Seen(NamedTuple):
    calls: int
    that_said_eagain: int
    p99_s: float
    blocking_s: float


def observe() -> Seen:
    with tcp_pair() as (client, accepted):
        accepted.setblocking(False)
        calls = [_call(accepted) for _ in range(CALLS)]
        accepted.setblocking(True)
        timer = Timer(DELAY_S, client.sendall, [b"late"])
        timer.start()
        blocking = seconds(accepted.recv, 64)
        timer.join()
    took = sorted(took for took, _ in calls)
    return Seen(CALLS, sum(said == errno.EAGAIN for _, said in calls), took[-11], blocking)


def judge(seen: Seen) -> Ruling:
    told = 0 < seen.calls == seen.that_said_eagain
    doubtful = told and AT_ONCE_S <= seen.p99_s < DELAY_S / 2  # others had the CPU
    at_once = told and seen.p99_s < AT_ONCE_S
    return Ruling(None if doubtful else at_once, control=seen.blocking_s > DELAY_S / 2)


def _call(sock: socket.socket) -> tuple[float, int]:
    start = time.monotonic()
    try:
        sock.recv(64)
        said = 0
    except OSError as error:
        said = error.errno or 0
    return time.monotonic() - start, said
