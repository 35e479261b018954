"""epoll_wait() returns how many are ready, and one need only look at so many entries.

Looked at: the C function with ten descriptors, the last three of which are ready: its result, whom
the first three entries name, and whether anything is written behind them.
Control: select() returns three as well, but only a walk through its set tells which they are.
Source: epoll_wait(2); select(2).
"""

import ctypes
import platform
import select
import socket
import struct
from contextlib import ExitStack
from typing import NamedTuple

from lab.probes import Ruling

WATCHED, READY = 10, 3
# struct epoll_event is packed on x86-64 only
EVENT = struct.Struct("=IiI" if platform.machine() == "x86_64" else "=IIiI")


class Seen(NamedTuple):
    ready: int
    epoll_returned: int
    ready_among_its_first_entries: int
    bytes_behind_them: int
    select_returned: int
    looked_at_to_find_those: int


def observe() -> Seen:
    with ExitStack() as stack:
        poller = stack.enter_context(select.epoll())
        watched = []
        for number in range(WATCHED):
            ours, theirs = map(stack.enter_context, socket.socketpair())
            watched.append(ours.fileno())
            poller.register(ours, select.EPOLLIN)
            if number >= WATCHED - READY:
                theirs.send(b"x")
        entries = ctypes.create_string_buffer(EVENT.size * WATCHED)
        found = ctypes.CDLL(None).epoll_wait(poller.fileno(), entries, WATCHED, 1000)
        named = [fields[-2] for fields in EVENT.iter_unpack(entries.raw)][:found]
        behind = sum(map(bool, entries.raw[found * EVENT.size :]))
        returned, bits = _select(watched)
    looked = max(place + 1 for place, fd in enumerate(watched) if bits[fd // 64] >> fd % 64 & 1)
    right = len(set(named) & set(watched[-READY:]))
    return Seen(READY, found, right, behind, returned, looked)


def judge(seen: Seen) -> Ruling:
    enough = seen.epoll_returned == seen.ready_among_its_first_entries == seen.ready > 0
    control = seen.select_returned == seen.ready and seen.looked_at_to_find_those > seen.ready
    return Ruling(enough and seen.bytes_behind_them == 0, control)


def _select(watched: list[int]) -> tuple[int, ctypes.Array[ctypes.c_ulong]]:
    bits = (ctypes.c_ulong * 16)()
    for number in watched:
        bits[number // 64] |= 1 << number % 64
    ready = ctypes.CDLL(None).select(max(watched) + 1, bits, None, None, (ctypes.c_long * 2)(1, 0))
    return ready, bits
