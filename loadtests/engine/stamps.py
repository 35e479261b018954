"""When a reply reached this host, by the kernel's clock: how far behind the engine reads it.

SO_TIMESTAMPNS (socket(7)) has the kernel stamp each packet as it comes in. One kept connection in
ONE_IN asks for it, the first of them always: that tells whether service times are the server's or
have waited for the engine, at no cost to the others.
"""

import socket
import struct
import time

from loadtests.engine.ledger import Ledger

ONE_IN = 16  # connections
SO_TIMESTAMPNS = 35  # also the type of the message, on 64-bit machines; asm-generic/socket.h
STAMP = struct.Struct("@ll")  # struct timespec
SPACE = socket.CMSG_SPACE(STAMP.size)
SECOND = 1_000_000_000  # ns


def switch_on(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def read(sock: socket.socket, ledger: Ledger, size: int) -> bytes:
    """As recv(), and note how long ago the last of the bytes came."""
    data, ancillary, _, _ = sock.recvmsg(size, SPACE)
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = STAMP.unpack(value)
            came = seconds * SECOND + nanoseconds
            ledger.lie(time.monotonic_ns(), time.time_ns() - came)
    return data
