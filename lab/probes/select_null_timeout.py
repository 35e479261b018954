"""A null timeout makes select() return at once: it makes it wait for ever.

Looked at: the C function with NULL as timeout and a silent socket: does it return within a second,
and does it, when data come?
Control: with a timeout of zero it returns at once, and says that nothing is ready.
Source: select(2): "If timeout is specified as NULL, select() blocks indefinitely".
"""

import ctypes
import socket
from threading import Thread
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import ANSWER_S, SILENCE_S, seconds, tcp_pair

LIBC = ctypes.CDLL(None)


class Seen(NamedTuple):
    null_returned_within_a_second: bool
    null_returned_with_data: int
    zero_took_s: float
    zero_returned: int


def observe() -> Seen:
    with tcp_pair() as (client, accepted):
        results: list[int] = []
        zero = (ctypes.c_long * 2)(0, 0)
        took = seconds(lambda: results.append(_select(accepted, zero)))
        waiting = Thread(target=lambda: results.append(_select(accepted, None)))
        waiting.start()
        waiting.join(SILENCE_S)
        returned = not waiting.is_alive()
        client.sendall(b"x")
        waiting.join(ANSWER_S)
    return Seen(returned, results[1], took, results[0])


def judge(seen: Seen) -> Ruling:
    at_once = seen.null_returned_within_a_second
    if not at_once and seen.null_returned_with_data != 1:
        return Ruling(None, control=False)
    return Ruling(at_once, control=seen.zero_took_s < SILENCE_S / 2 and seen.zero_returned == 0)


def _select(sock: socket.socket, timeout: object) -> int:
    bits = (ctypes.c_ulong * 16)()
    bits[sock.fileno() // 64] = 1 << sock.fileno() % 64
    ready: int = LIBC.select(sock.fileno() + 1, bits, None, None, timeout)
    return ready
