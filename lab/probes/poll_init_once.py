"""poll()'s array need be filled in once: what is watched stands apart from what happened.

Looked at: one array through three calls of the C function, with the first, the second and neither
of two sockets ready: what each call reports, and whether `events` and `fd` are untouched.
Control: select(), called again with the set that it returned, has forgotten the second socket.
Source: poll(2); select(2).
"""

import ctypes
import select
import socket
from typing import NamedTuple

from lab.probes import Ruling

LIBC = ctypes.CDLL(None)


class Watched(ctypes.Structure):
    """struct pollfd."""

    _fields_ = (("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short))


class Seen(NamedTuple):
    poll_reported: str
    array_kept: bool
    select_reported: str


def observe() -> Seen:
    first, second = socket.socketpair(), socket.socketpair()
    watched = [Watched(pair[0].fileno(), select.POLLIN, 0) for pair in (first, second)]
    array = (Watched * 2)(*watched)
    bits = (ctypes.c_ulong * 16)()
    for entry in array:
        bits[entry.fd // 64] |= 1 << entry.fd % 64
    reported, forgotten = [], []
    for ready in (first, second, None):
        if ready:
            ready[1].send(b"x")
        LIBC.poll(array, 2, 0)
        reported.append("".join("01"[bool(entry.revents)] for entry in array))
        LIBC.select(64, bits, None, None, (ctypes.c_long * 2)(0, 0))
        forgotten.append(
            "".join("01"[bits[entry.fd // 64] >> entry.fd % 64 & 1] for entry in array)
        )
        if ready:
            ready[0].recv(1)
    numbers = [pair[0].fileno() for pair in (first, second)]
    kept = [(entry.fd, entry.events) for entry in array] == [(n, select.POLLIN) for n in numbers]
    return Seen(" ".join(reported), kept, " ".join(forgotten))


def judge(seen: Seen) -> Ruling:
    once = seen.poll_reported == "10 01 00" and seen.array_kept
    return Ruling(once, control=seen.select_reported == "10 00 00")
