"""Kerrisk's readiness table: N descriptors are watched, one is ready; what does a wait cost?

The published program watches pipes and takes 100 000 waits in C. Here sockets are watched, in
Python, and the sets and arrays are made once, before the clock starts: Python's own select() builds
lists for each call, which is not what the table is about. select() gets bitmaps above 1024 bits by
ctypes; the kernel has no fixed limit, glibc's FD_SETSIZE has (select(2)). As in the published one
the sets are filled anew for each call of select(), and the array of poll() is not.

The other ends of the pairs are held by a child, so that N pairs take N descriptors here.
Source: Kerrisk, The Linux Programming Interface, table 63-9; slides of linux.conf.au 2006.
"""

import ctypes
import os
import random
import resource
import select
import signal
import socket
import time
from collections.abc import Callable

from lab.replications import Absent, Table

UNIT = "us per wait"
SIZES = (10, 100, 1000, 10_000)  # descriptors watched
SPARE = 100  # descriptors of the interpreter, and those in flight to the child
BATCH = 100  # descriptors in one message; at most 253 (unix(7), SCM_MAX_FD)
TRIES, WAITS = 5, (2000, 2000, 400, 60)  # the least of the tries; waits of one try, by size
POLLIN = select.POLLIN

libc = ctypes.CDLL(None, use_errno=True)


class PollFd(ctypes.Structure):
    _fields_ = (("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short))


def measure() -> Table:
    """Measure as many sizes as the limit on open files allows; Absent below three."""
    limit = _raise_limit()
    sizes = [size for size in SIZES if size + SPARE <= limit]
    if len(sizes) < 3:
        raise Absent(f"open files: {limit}; it takes {SIZES[2] + SPARE} and more (ulimit -Hn)")
    table: Table = {"poll": {}, "select": {}, "epoll": {}}
    for size in sizes:
        watched, held = _watched(size)
        try:
            for row, made in (("poll", _poll), ("select", _select), ("epoll", _epoll)):
                table[row][str(size)] = _cost_us(made(watched), WAITS[SIZES.index(size)])
        finally:
            os.kill(held, signal.SIGKILL)
            os.waitpid(held, 0)
            for one in watched:
                one.close()
    return table


def told() -> dict[str, str]:
    """Say what limited it."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return {"open files": f"{limit}; {SIZES[-1]} watched descriptors take {SIZES[-1] + SPARE}"}


def _raise_limit() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _watched(size: int) -> tuple[list[socket.socket], int]:
    """Return one end of each pair, a random one of them ready, and the child with the others."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    child = os.fork()
    if child == 0:
        ours.close()
        _hold(theirs)
    theirs.close()
    watched: list[socket.socket] = []
    ready = random.Random(size).randrange(size)
    with ours:
        for start in range(0, size, BATCH):
            pairs = [socket.socketpair() for _ in range(min(BATCH, size - start))]
            for number, (one, other) in enumerate(pairs, start):
                if number == ready:
                    other.send(b"!")
                watched.append(one)
            socket.send_fds(ours, [b"."], [other.fileno() for _, other in pairs])
            for _, other in pairs:
                other.close()
            ours.recv(1)  # it has them: no more than one batch is in flight
    return watched, child


def _hold(channel: socket.socket) -> None:
    """Keep whatever descriptors come, until killed."""
    _raise_limit()
    held: list[int] = []
    while True:
        message, fds, _, _ = socket.recv_fds(channel, 1, BATCH)
        if not message:
            signal.pause()
        held += fds
        channel.send(b".")


def _poll(watched: list[socket.socket]) -> Callable[[], int]:
    array = (PollFd * len(watched))(*(PollFd(one.fileno(), POLLIN, 0) for one in watched))
    size = ctypes.c_ulong(len(watched))
    return lambda: int(libc.poll(array, size, -1))


def _select(watched: list[socket.socket]) -> Callable[[], int]:
    highest = max(one.fileno() for one in watched)
    words = highest // 64 + 1
    kept = (ctypes.c_uint64 * max(16, words))()  # of 1024 bits at least, as a fd_set is
    for one in watched:
        kept[one.fileno() // 64] |= 1 << one.fileno() % 64
    used = type(kept)()
    number, length = ctypes.c_int(highest + 1), ctypes.sizeof(kept)

    def wait() -> int:
        ctypes.memmove(used, kept, length)  # the kernel has changed it
        return int(libc.select(number, used, None, None, None))

    return wait


def _epoll(watched: list[socket.socket]) -> Callable[[], int]:
    epoll = select.epoll()
    for one in watched:
        epoll.register(one.fileno(), select.EPOLLIN)
    events = ctypes.create_string_buffer(12 * 64)
    descriptor, most, for_ever = epoll.fileno(), 64, -1

    def wait() -> int:
        assert not epoll.closed
        return int(libc.epoll_wait(descriptor, events, most, for_ever))

    return wait


def _cost_us(wait: Callable[[], int], waits: int) -> float:
    """Return the least time of one wait, of a few tries."""
    found = []
    for _ in range(TRIES):
        start = time.perf_counter_ns()
        for _ in range(waits):
            if wait() != 1:
                raise RuntimeError("a wait did not find the one ready descriptor")
        found.append((time.perf_counter_ns() - start) / waits / 1000)
    return min(found)
