"""Asynchronous I/O: the request returns at once, and the kernel itself puts the data in place.

Looked at: a receive is handed to io_uring while nothing is there: how long that takes, what is in
the buffer then, and what after data came and the ring was asked for completions. No recv() is made.
Control: a blocking recv() under the same conditions waits for the data, which come after 0.2 s.
Source: io_uring(7). With IORING_SETUP_DEFER_TASKRUN, as here, the copying is done inside the call
that fetches completions: "the kernel" is then this very task, see the claim sync-blocks.
"""

import socket
from threading import Timer
from typing import NamedTuple

from lab.probes import Absent, Ruling
from lab.probes._kit import seconds, tcp_pair
from servers.core.ring import Buffer, Ring
from servers.needs import missing

DELAY_S, AT_ONCE_S = 0.2, 0.01


class Submitting(Ring[str]):
    """A ring that hands over what is queued, and does not wait."""

    def submit(self) -> None:
        self._enter(0)


class Seen(NamedTuple):
    submitting_took_s: float
    in_the_buffer_then: int
    completed: str
    in_the_buffer_at_last: str
    blocking_recv_took_s: float


def observe() -> Seen:
    if lack := missing("io_uring"):
        raise Absent(lack)
    ring, buffer = Submitting(), Buffer()
    with tcp_pair() as (client, accepted):
        ring.receive(accepted.fileno(), buffer, "received")
        took = seconds(ring.submit)
        then = sum(map(bool, buffer.memory[:64]))
        client.sendall(b"by the kernel")
        done = ring.wait()
        last = buffer.memory[: max(done[0][1], 0)].decode()
        blocking = _blocking(client, accepted)
    return Seen(took, then, f"{done[0][0]} {done[0][1]}", last or "nothing", blocking)


def judge(seen: Seen) -> Ruling:
    placed = (seen.completed, seen.in_the_buffer_at_last) == ("received 13", "by the kernel")
    at_once = seen.submitting_took_s < AT_ONCE_S and seen.in_the_buffer_then == 0
    return Ruling(placed and at_once, control=seen.blocking_recv_took_s > DELAY_S / 2)


def _blocking(client: socket.socket, accepted: socket.socket) -> float:
    timer = Timer(DELAY_S, client.sendall, [b"late"])
    timer.start()
    took = seconds(accepted.recv, 64)
    timer.join()
    return took
