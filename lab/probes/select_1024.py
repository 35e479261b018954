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
from contextlib import ExitStack, suppress

from lab.backends.contract import StartOptions
from lab.backends.process import ProcessBackend
from lab.probes import Evidence

WALL = 1024  # FD_SETSIZE of glibc and musl
FAR = 1500  # well above the wall
BITS = 4096  # of the larger fd_set
CROWD = 1100  # connections offered to the servers
ANSWER_S = 5.0


def observe() -> Evidence:
    """Try every way of waiting on a socket with a high number."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"x")  # readable from now on
        evidence = {
            f"select on {number}": _under(ours, number, lambda fd: select.select([fd], [], [], 1))
            for number in (WALL - 1, WALL, FAR)
        }
        evidence[f"poll on {FAR}"] = _under(ours, FAR, _poll)
        evidence[f"epoll on {FAR}"] = _under(ours, FAR, _epoll)
        evidence[f"select on {FAR}, larger set"] = _under(ours, FAR, _larger_set)
    for server in ("select", "epoll"):
        evidence |= {f"{server} server {what}": seen for what, seen in _crowd(server).items()}
    return evidence


def judge(evidence: Evidence) -> tuple[bool | None, bool]:
    """The sentence holds when 1024 is the first refused number, alone too, and cleanly so."""
    said = [evidence.get(f"select on {number}") for number in (WALL - 1, WALL, FAR)]
    server = (
        0 < int(evidence.get("select server served", 0)) < WALL
        and evidence.get("select server refused") == evidence.get("select server hung up on")
        and evidence.get("select server afterwards") == "serves on"
    )
    control = (
        evidence.get(f"poll on {FAR}") == "watched"
        and evidence.get(f"epoll on {FAR}") == "watched"
        and evidence.get("epoll server served") == str(CROWD)
    )
    if None in said:
        return None, control
    return said == ["watched", "refused", "refused"] and server, control


def _under(ours: socket.socket, number: int, wait: object) -> str:
    """Duplicate the socket to that number and wait there: watched, refused, or missed."""
    os.dup2(ours.fileno(), number)
    try:
        return "watched" if wait(number)[0] else "missed"  # type: ignore[operator]
    except (ValueError, OverflowError):
        return "refused"
    finally:
        os.close(number)


def _poll(fd: int) -> list[object]:
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return [poller.poll(1000)]


def _epoll(fd: int) -> list[object]:
    with select.epoll() as poller:
        poller.register(fd, select.EPOLLIN)
        return [poller.poll(1)]


def _larger_set(fd: int) -> list[object]:
    """select() itself, with a set of BITS bits: what "changing the macro" amounts to."""
    libc = ctypes.CDLL(None, use_errno=True)
    bits = (ctypes.c_ulong * (BITS // 64))()
    bits[fd // 64] |= 1 << fd % 64
    timeout = (ctypes.c_long * 2)(1, 0)
    ready = libc.select(fd + 1, bits, None, None, timeout)
    return [ready == 1 and bits[fd // 64] >> fd % 64 & 1]


def _crowd(server: str) -> Evidence:
    """Offer CROWD connections; count who is answered, who is hung up on, and who comes after."""
    target = ProcessBackend().start(server, "echo", StartOptions())
    try:
        with ExitStack() as stack:
            crowd = []
            for _ in range(CROWD):
                client = socket.create_connection(target.address, timeout=ANSWER_S)
                crowd.append(stack.enter_context(client))
            answers = [_ask(client) for client in crowd]
        with socket.create_connection(target.address, timeout=ANSWER_S) as late:
            afterwards = "serves on" if _ask(late) == "answered" else "is gone"
    finally:
        end = target.stop(ANSWER_S)
    return {
        "served": str(answers.count("answered")),
        "hung up on": str(answers.count("hung up")),
        "silent to": str(answers.count("silent")),
        "refused": str(end.counters.get("refused", 0)),
        "afterwards": afterwards,
    }


def _ask(client: socket.socket) -> str:
    with suppress(BrokenPipeError, ConnectionResetError):
        client.sendall(b"anyone?")
        try:
            return "answered" if client.recv(64) == b"ANYONE?" else "hung up"
        except TimeoutError:
            return "silent"
    return "hung up"
