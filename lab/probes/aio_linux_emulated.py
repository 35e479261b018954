"""On Linux asynchronous I/O is emulated with epoll: io_uring is not, and POSIX aio is by threads.

Looked at: the system calls, under strace, of an asyncio server and of one over io_uring, for each
the same 40 requests; and how many threads a POSIX aio_read() adds to a process.
Control: the asyncio server is seen to wait in epoll and to receive by itself, request by request.
Source: io_uring(7), since Linux 5.1; aio(7): glibc's implementation is in user space, with threads.
"""

import ctypes
import os
from typing import NamedTuple

from lab.mechanism import Counts
from lab.probes import Absent, Ruling
from lab.probes._kit import threads_of
from lab.tracing import QUESTIONS, trace_family
from servers.needs import missing

PARTS = "holds for asyncio, not for io_uring"
RECEIVES = ("recv", "recvfrom", "recvmsg", "read")


class Seen(NamedTuple):
    requests: int
    asyncio_waits_in: str
    asyncio_receive_calls: int
    io_uring_waits_in: str
    io_uring_receive_calls: int
    threads_added_by_posix_aio: int


def observe() -> Seen:
    if lack := missing("io_uring"):
        raise Absent(lack)
    by_asyncio, by_ring = map(_trace, ("asyncio-protocol", "io-uring"))
    return Seen(QUESTIONS, *by_asyncio, *by_ring, _posix_aio())


def judge(seen: Seen) -> Ruling:
    control = seen.asyncio_waits_in == "epoll_wait"
    control = control and seen.asyncio_receive_calls >= seen.requests > 0
    if seen.io_uring_waits_in == "io_uring_enter" and seen.io_uring_receive_calls == 0:
        return Ruling(False, control, PARTS if control else "")  # a way that is no emulation
    all_epoll = seen.io_uring_waits_in == "epoll_wait" and seen.threads_added_by_posix_aio == 0
    return Ruling(True if all_epoll else None, control)


def _trace(server: str) -> tuple[str, int]:
    ledger = trace_family(server, "echo")
    if isinstance(ledger, str) or ledger.counts is None:
        raise Absent(ledger if isinstance(ledger, str) else ledger.error)
    counts: Counts = ledger.counts
    return "+".join(counts.waits_in()) or "none", sum(counts.calls.get(c, 0) for c in RECEIVES)


def _posix_aio() -> int:
    """Return how many threads one aio_read() of an empty pipe adds."""

    class Control(ctypes.Structure):
        """The beginning of glibc's struct aiocb on 64 bits; the rest is zero: no notification."""

        _fields_ = (
            ("descriptor", ctypes.c_int),
            ("operation", ctypes.c_int),
            ("priority", ctypes.c_int),
            ("buffer", ctypes.c_void_p),
            ("length", ctypes.c_size_t),
            ("rest", ctypes.c_char * 512),
        )

    read_end, write_end = os.pipe()
    room = ctypes.create_string_buffer(1)
    control = Control(read_end, 0, 0, ctypes.addressof(room), 1)
    before = threads_of(os.getpid())
    ctypes.CDLL("librt.so.1").aio_read(ctypes.byref(control))
    added = threads_of(os.getpid()) - before
    os.write(write_end, b"x")  # lets it end, while its buffers are there
    while ctypes.CDLL("librt.so.1").aio_error(ctypes.byref(control)):
        pass
    return max(0, added)
