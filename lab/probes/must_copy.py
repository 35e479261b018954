"""A program must copy data from the kernel before it can use them: to look at them, not to forward.

Looked at: one connection's bytes are forwarded to another by splice(), through a pipe: are they
right at the other end, and how many bytes did this process read meanwhile, by the kernel's count?
Control: the same with read() and write(): they are right, and this process has read them all.
Source: splice(2); proc(5), /proc/pid/io, rchar.
"""

import hashlib
import os
import socket
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import tcp_pair

SIZE, STEP = 1 << 20, 1 << 16  # bytes


class Seen(NamedTuple):
    bytes_forwarded: int
    right_after_splice: bool
    read_with_splice: int
    right_after_copying: bool
    read_with_copying: int


def observe() -> Seen:
    spliced, few = _forward(_splice)
    copied, many = _forward(_copy)
    return Seen(SIZE, spliced, few, copied, many)


def judge(seen: Seen) -> Ruling:
    if not (seen.right_after_splice and seen.right_after_copying):
        return Ruling(None, control=False)
    unread = seen.read_with_splice < seen.bytes_forwarded / 100
    return Ruling(not unread, control=seen.read_with_copying >= seen.bytes_forwarded > 0)


def _forward(step: object) -> tuple[bool, int]:
    """Forward SIZE bytes between two processes' sockets. Returns (right, read by us)."""
    with tcp_pair() as (source, into), tcp_pair() as (out, sink):
        child = os.fork()
        if not child:
            os._exit(0 if _both_ends(source, sink) else 1)
        source.close()
        sink.close()
        before = _read_by_us()
        step(into, out)  # type: ignore[operator]
        read = _read_by_us() - before
        out.shutdown(socket.SHUT_WR)
        return os.waitpid(child, 0)[1] == 0, read


def _both_ends(source: socket.socket, sink: socket.socket) -> bool:
    data = os.urandom(SIZE)
    Thread(target=source.sendall, args=[data]).start()
    found = bytearray()
    while len(found) < SIZE and (piece := sink.recv(STEP)):
        found += piece
    return hashlib.sha256(found).digest() == hashlib.sha256(data).digest()


def _splice(into: socket.socket, out: socket.socket) -> None:
    pipe_out, pipe_in = os.pipe()
    left = SIZE
    while left:
        taken = os.splice(into.fileno(), pipe_in, STEP)
        left -= taken
        while taken:
            taken -= os.splice(pipe_out, out.fileno(), taken)


def _copy(into: socket.socket, out: socket.socket) -> None:
    left = SIZE
    while left:
        data = os.read(into.fileno(), STEP)  # recv() is not counted in rchar
        os.write(out.fileno(), data)
        left -= len(data)


def _read_by_us() -> int:
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(lines[0].removeprefix("rchar:"))
