"""select()'s three sets are input and output, and so is its timeout, which holds the rest.

Looked at: one call of the C function with six descriptors: one readable and one not, one writable
and one not, one with urgent data and one without; then a call that data end after 0.2 of 5 s.
Control: pselect() leaves its timeout as it was.
Source: select(2), NOTES: on Linux select() modifies timeout.
"""

import ctypes
import socket
from contextlib import ExitStack
from threading import Timer
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import tcp_pair

LIBC = ctypes.CDLL(None)
TIMEOUT_S, DELAY_S = 5, 0.2
Bits = ctypes.c_ulong * 16


class Seen(NamedTuple):
    ready: int
    read_set: str
    write_set: str
    urgent_set: str
    rest_after_select_s: float
    rest_after_pselect_s: float


def observe() -> Seen:
    with ExitStack() as stack:
        pairs = [stack.enter_context(tcp_pair()) for _ in range(6)]
        pairs[0][0].send(b"x")
        pairs[3][1].setblocking(False)
        _fill(pairs[3][1])
        pairs[4][0].send(b"!", socket.MSG_OOB)
        numbers = [accepted.fileno() for _, accepted in pairs]
        sets = [_bits(numbers[at : at + 2]) for at in (0, 2, 4)]
        ready = LIBC.select(max(numbers) + 1, *sets, (ctypes.c_long * 2)(TIMEOUT_S, 0))
        left = [
            "".join("01"[_has(bits, number)] for number in numbers[at : at + 2])
            for bits, at in zip(sets, (0, 2, 4), strict=True)
        ]
    rests = _rest(LIBC.select, 1e6), _rest(LIBC.pselect, 1e9, None)
    return Seen._make([ready, *left, *rests])


def judge(seen: Seen) -> Ruling:
    changed = (seen.read_set, seen.write_set, seen.urgent_set) == ("10", "10", "10")
    rest = TIMEOUT_S - 1 < seen.rest_after_select_s < TIMEOUT_S - DELAY_S / 2
    return Ruling(
        changed and rest and seen.ready == 3, control=seen.rest_after_pselect_s == TIMEOUT_S
    )


def _bits(numbers: list[int]) -> ctypes.Array[ctypes.c_ulong]:
    bits = Bits()
    for number in numbers:
        bits[number // 64] |= 1 << number % 64
    return bits


def _has(bits: ctypes.Array[ctypes.c_ulong], number: int) -> int:
    return bits[number // 64] >> number % 64 & 1


def _fill(sock: socket.socket) -> None:
    try:
        while True:
            sock.send(bytes(1 << 16))
    except BlockingIOError:
        return


def _rest(call: "ctypes._NamedFuncPointer", parts: float, *more: None) -> float:
    """Wait for data that come after DELAY_S. Returns what then stands in the timeout."""
    with tcp_pair() as (client, accepted):
        timer = Timer(DELAY_S, client.sendall, [b"x"])
        timer.start()
        timeout = (ctypes.c_long * 2)(TIMEOUT_S, 0)
        call(accepted.fileno() + 1, _bits([accepted.fileno()]), None, None, timeout, *more)
        timer.join()
    return float(timeout[0] + timeout[1] / parts)
