"""For how long is the calling thread held while bytes are brought to it?

Synchronous: the bytes are there, epoll_wait() says so, recv() copies them. Asynchronous: the
request was handed to io_uring before the bytes came, and what is left is to fetch its completion.
The clock is wall time of the calling thread, so it counts what the thread computes and what it is
kept waiting. With IORING_SETUP_DEFER_TASKRUN, as the lab's ring is set up, the copying is done
inside the call that fetches completions, by this very thread: FIONREAD tells that all bytes are
still unread before it.
Control: a recv() that is made before the bytes come is held for as long as they take.
Columns: how much was there. The least of several rounds. Source: io_uring_setup(2).
"""

import ctypes
import fcntl
import select
import socket
import struct
import termios
import time
from collections.abc import Callable
from threading import Timer

from lab.probes._kit import tcp_pair, until
from lab.replications import Absent, Table
from lab.replications._kit import least
from servers.core.ring import RECEIVE, Ring
from servers.needs import missing

UNIT = "us per MiB"
SIZES = {"16 KiB": 1 << 14, "128 KiB": 1 << 17}
ROUNDS = 80
SOON_S = 0.005  # until the bytes come, in the control
MIB = 1 << 20


class Bulk(Ring[str]):
    """A ring that receives more at once than servers do, and hands over without waiting."""

    def receive_into(self, descriptor: int, memory: "ctypes.Array[ctypes.c_char]") -> None:
        key, at = self._key("received", memory), ctypes.addressof(memory)
        self._offer(RECEIVE, 0, descriptor, at, len(memory), socket.MSG_WAITALL, key)
        self._enter(0)


def measure() -> Table:
    if lack := missing("io_uring"):
        raise Absent(lack)
    table: Table = {}
    for column, size in SIZES.items():
        with tcp_pair() as (client, accepted):
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * size)
            tries = {
                "epoll and recv": _by_epoll(client, accepted, size),
                "io-uring": _by_ring(client, accepted, size),
            }
            found = least(ROUNDS, tries)
            found["recv, before they came"] = _too_early(client, accepted, size)
            for row, ns in found.items():
                table.setdefault(row, {})[column] = ns / 1000 * MIB / size
    return table


def _by_epoll(client: socket.socket, accepted: socket.socket, size: int) -> Callable[[], float]:
    epoll, memory = select.epoll(), bytearray(size)
    epoll.register(accepted, select.EPOLLIN)

    def measure() -> float:
        _send(client, accepted, size)
        start = time.perf_counter_ns()
        epoll.poll()
        got = accepted.recv_into(memory)
        took = time.perf_counter_ns() - start
        return _checked(took, got, size)

    return measure


def _by_ring(client: socket.socket, accepted: socket.socket, size: int) -> Callable[[], float]:
    ring, memory = Bulk(), ctypes.create_string_buffer(size)

    def measure() -> float:
        ring.receive_into(accepted.fileno(), memory)
        _send(client, accepted, size)
        start = time.perf_counter_ns()
        ((_, got),) = ring.wait()
        took = time.perf_counter_ns() - start
        return _checked(took, got, size)

    return measure


def _too_early(client: socket.socket, accepted: socket.socket, size: int) -> float:
    timer = Timer(SOON_S, client.sendall, [bytes(size)])
    start = time.perf_counter_ns()
    timer.start()
    got = len(accepted.recv(size, socket.MSG_WAITALL))
    took = time.perf_counter_ns() - start
    timer.join()
    return _checked(took, got, size)


def _send(client: socket.socket, accepted: socket.socket, size: int) -> None:
    """Send so much, and see that it is there and unread: nobody has copied it yet."""
    client.sendall(bytes(size))
    if not until(lambda: _unread(accepted) == size):
        raise RuntimeError(f"{_unread(accepted)} of {size} bytes are there and unread")


def _unread(accepted: socket.socket) -> int:
    (number,) = struct.unpack("i", fcntl.ioctl(accepted, termios.FIONREAD, bytes(4)))
    return int(number)


def _checked(took: float, got: int, size: int) -> float:
    if got != size:
        raise RuntimeError(f"{got} of {size} bytes came")
    return took
