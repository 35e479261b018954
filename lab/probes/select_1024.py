"""select() watches no descriptor numbered 1024 or above: it is the number that counts.

Looked at: the highest number that is taken and the lowest that is refused; one single socket under
the number 1500; the same socket through the system call itself with a larger set, which tells the
kernel's limit from the C library's; and a select server that is offered more than it can watch.
Control: poll and epoll take the same socket, and an epoll server the same crowd.
Source: select(2), BUGS (FD_SETSIZE is the C library's; the kernel has no such limit).
"""

import ctypes
import os
import select
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import ANSWER_S, ask, serving

WALL = 1024  # FD_SETSIZE of glibc and musl
FAR = 1500  # well above the wall
BITS = 4096  # of the larger fd_set
CROWD = 1100  # connections offered to the servers


class Seen(NamedTuple):
    select_on_1023: str
    select_on_1024: str
    select_on_1500: str
    poll_on_1500: str
    epoll_on_1500: str
    larger_set_on_1500: str
    offered: int
    select_server_served: int
    select_server_hung_up_on: int
    select_server_refused: int
    select_server_serves_on: bool
    epoll_server_served: int


def observe() -> Seen:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"x")  # readable from now on
        by_number = [_under(ours, number, _select) for number in (WALL - 1, WALL, FAR)]
        otherwise = [_under(ours, FAR, way) for way in (_poll, _epoll, _larger_set)]
    crowd = _crowd("select")
    return Seen._make([*by_number, *otherwise, CROWD, *crowd, _crowd("epoll")[0]])


def judge(seen: Seen) -> Ruling:
    """The sentence holds when 1024 is the first refused number, alone too, and cleanly so."""
    server = (
        0 < seen.select_server_served < WALL
        and seen.select_server_refused == seen.select_server_hung_up_on
        and seen.select_server_served + seen.select_server_hung_up_on == seen.offered
        and seen.select_server_serves_on
    )
    number = seen[:3] == ("watched", "refused", "refused")
    others = {seen.poll_on_1500, seen.epoll_on_1500}
    control = others == {"watched"} and seen.epoll_server_served == seen.offered
    known = seen.larger_set_on_1500 in {"watched", "refused"}  # the kernel's limit: shown only
    return Ruling(number and server if known else None, control)


def _under(ours: socket.socket, number: int, wait: Callable[[int], object]) -> str:
    """Duplicate the socket to that number and wait there: watched, refused, or missed."""
    os.dup2(ours.fileno(), number)
    try:
        return "watched" if wait(number) else "missed"
    except (ValueError, OverflowError):
        return "refused"
    finally:
        os.close(number)


def _select(fd: int) -> object:
    return select.select([fd], [], [], 1)[0]


def _poll(fd: int) -> object:
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return poller.poll(1000)


def _epoll(fd: int) -> object:
    with select.epoll() as poller:
        poller.register(fd, select.EPOLLIN)
        return poller.poll(1)


def _larger_set(fd: int) -> object:
    """select() itself, with a set of BITS bits: what "changing the macro" amounts to."""
    libc = ctypes.CDLL(None, use_errno=True)
    bits = (ctypes.c_ulong * (BITS // 64))()
    bits[fd // 64] |= 1 << fd % 64
    timeout = (ctypes.c_long * 2)(1, 0)
    ready = libc.select(fd + 1, bits, None, None, timeout)
    return ready == 1 and bits[fd // 64] >> fd % 64 & 1


def _crowd(server: str) -> tuple[int, int, int, bool]:
    """Offer CROWD connections. Returns (answered, hung up on, refused, serves on)."""
    with serving(server) as target:
        with ExitStack() as stack:
            crowd = [
                stack.enter_context(socket.create_connection(target.address, ANSWER_S))
                for _ in range(CROWD)
            ]
            answered = sum(map(ask, crowd))
            ended = sum(map(_has_ended, crowd))
        with socket.create_connection(target.address, ANSWER_S) as late:
            serves_on = ask(late)
        end = target.stop(ANSWER_S)
    return answered, ended, end.counters.get("refused", 0), serves_on


def _has_ended(client: socket.socket) -> bool:
    client.setblocking(False)
    with suppress(BlockingIOError):
        with suppress(ConnectionError):
            return not client.recv(64)
        return True  # reset
    return False
