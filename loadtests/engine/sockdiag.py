"""What the kernel knows of the sockets of one port: sock_diag(7) over netlink.

/proc/net/sockstat counts those of the whole machine, somebody else's too, and /proc/net/tcp is a
line of text for each. Here the kernel sends only what a filter lets pass. Only sockets of this
network namespace are seen.
"""

import socket
import struct
from collections.abc import Callable

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
INET_DIAG_REQ_BYTECODE = 1
SOURCE, DESTINATION = (2, 3), (4, 5)  # inet_diag_bc_op: that port is at least, at most
TIME_WAIT, LISTEN = 1 << 6, 1 << 10  # as sets of states, net/tcp_states.h
HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
REQUEST = struct.Struct("=BBBBI48s")  # inet_diag_req_v2: family, protocol, ext, pad, states, id
OPERATION = struct.Struct("=BBH")  # code, where to go on if so, and if not
READ = 1 << 20  # bytes of one batch
PATIENCE_S = 2.0


RECEIVE_QUEUE = struct.Struct("=I")
RECEIVE_QUEUE_AT = 56  # in inet_diag_msg; of a listener: connections that wait for accept()


def time_waits(port: int) -> int:
    """Count the sockets in TIME_WAIT that went to a port; -1: nobody can tell."""
    return _ask(port, DESTINATION, TIME_WAIT, len)


def queued(port: int) -> int:
    """How many connections wait for accept() at a port; -1: nobody can tell."""

    def longest(answers: list[bytes]) -> int:
        queues = [RECEIVE_QUEUE.unpack_from(one, RECEIVE_QUEUE_AT)[0] for one in answers]
        return max(queues, default=-1)

    return _ask(port, SOURCE, LISTEN, longest)


def _ask(port: int, side: tuple[int, int], states: int, read: Callable[[list[bytes]], int]) -> int:
    body = REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, states, bytes(48))
    body += _filter(port, side)
    flags = NLM_F_REQUEST | NLM_F_DUMP
    request = HEADER.pack(HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, flags, 1, 0) + body
    found: list[bytes] = []
    done = False
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(PATIENCE_S)
            kernel.send(request)
            while not done:
                some, done = answers(kernel.recv(READ))
                found += some
    except OSError:
        return -1
    return read(found)


def _filter(port: int, side: tuple[int, int]) -> bytes:
    """Let pass who has that port on that side. Each operation has its number in one behind it."""
    size = 2 * OPERATION.size
    code = b"".join(
        OPERATION.pack(operation, size, rest + 4) + OPERATION.pack(0, 0, port)
        for operation, rest in zip(side, (2 * size, size), strict=True)  # beyond the end: no
    )
    return struct.pack("=HH", 4 + len(code), INET_DIAG_REQ_BYTECODE) + code


def answers(batch: bytes) -> tuple[list[bytes], bool]:
    """Take a batch apart: a message for each socket, and whether it is the last. Raises OSError."""
    at = 0
    found: list[bytes] = []
    while at < len(batch):
        length, kind, *_ = HEADER.unpack_from(batch, at)
        if kind == NLMSG_DONE:
            return found, True
        if kind == NLMSG_ERROR or length < HEADER.size:
            raise OSError("sock_diag refuses")
        found.append(batch[at + HEADER.size : at + length])
        at += (length + 3) & ~3
    return found, False
