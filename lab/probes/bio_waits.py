"""With blocking I/O the process hangs until data comes.

Looked at: two threads, one in recv(), one in accept(), for half a second without a client's word:
the state that the kernel gives them, the call that they are in, the CPU time that they use; and
that they go on when data comes.
Control: a thread that asks a non-blocking socket again and again uses CPU in the same time.
Source: recv(2), accept(2).
"""

import os
import socket
import time
from threading import Thread
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import ANSWER_S, AWAKE, asleep_in, processor_s, state, tcp_pair

WATCHED_S = 0.5


class Seen(NamedTuple):
    receiver_state: str
    receiver_asleep_in: str
    receiver_cpu_s: float
    received: str
    accepter_state: str
    accepter_asleep_in: str
    accepter_cpu_s: float
    accepted: int
    spinner_cpu_s: float


def observe() -> Seen:
    got: list[bytes] = []
    with tcp_pair() as (client, accepted):
        receiver = Thread(target=lambda: got.append(accepted.recv(64)))
        asleep, condition, used = _watch(receiver)
        client.sendall(b"at last")
        receiver.join(ANSWER_S)
    came: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepter = Thread(target=lambda: came.append(listener.accept()[0]))
        asleep_too, condition_too, used_too = _watch(accepter)
        with socket.create_connection(listener.getsockname()):
            accepter.join(ANSWER_S)
    for one in came:
        one.close()
    told = got[0].decode() if got else "nothing"
    by_receiver = condition, asleep, used, told
    return Seen(*by_receiver, condition_too, asleep_too, used_too, len(came), _spin())


def judge(seen: Seen) -> Ruling:
    receives = (seen.receiver_state, seen.receiver_asleep_in, seen.received) == (
        "S",
        "recv",
        "at last",
    )
    accepts = (seen.accepter_state, seen.accepter_asleep_in, seen.accepted) == ("S", "accept", 1)
    if AWAKE in {seen.receiver_asleep_in, seen.accepter_asleep_in}:
        return Ruling(None, control=False)
    idle = max(seen.receiver_cpu_s, seen.accepter_cpu_s) < WATCHED_S / 50
    return Ruling(receives and accepts and idle, control=seen.spinner_cpu_s > WATCHED_S / 10)


def _watch(thread: Thread) -> tuple[str, str, float]:
    """Return (asleep in, state, CPU seconds) of a thread over WATCHED_S."""
    thread.start()
    asleep = asleep_in(os.getpid(), thread.native_id)
    before = processor_s(thread)
    time.sleep(WATCHED_S)
    return asleep, state(thread), processor_s(thread) - before


def _spin() -> float:
    """Ask a silent non-blocking socket for WATCHED_S. Returns the CPU time that it took."""
    with tcp_pair() as (_, accepted):
        accepted.setblocking(False)
        before, end = time.thread_time(), time.monotonic() + WATCHED_S
        while time.monotonic() < end:
            try:
                accepted.recv(64)
            except BlockingIOError:
                continue
        return time.thread_time() - before
