"""Sockets in TIME_WAIT towards one port, as the kernel counts them: sock_diag(7) over netlink.

/proc/net/sockstat counts those of the whole machine, somebody else's too, and /proc/net/tcp is a
line of text for each. Here the kernel sends only what a filter lets pass, in 72 bytes each.
"""

import socket
import struct

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
INET_DIAG_REQ_BYTECODE = 1
D_GE, D_LE = 4, 5  # inet_diag_bc_op: the destination port is at least, at most
TIME_WAIT = 1 << 6  # as a set of states, net/tcp_states.h
HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
REQUEST = struct.Struct("=BBBBI48s")  # inet_diag_req_v2: family, protocol, ext, pad, states, id
OPERATION = struct.Struct("=BBH")  # code, where to go on if so, and if not
READ = 1 << 20  # bytes of one batch
PATIENCE_S = 2.0


def _filter(port: int) -> bytes:
    """Let pass who is connected to that port. Each operation has its number in one behind it."""
    size = 2 * OPERATION.size
    code = b"".join(
        OPERATION.pack(operation, size, rest + 4) + OPERATION.pack(0, 0, port)
        for operation, rest in ((D_GE, 2 * size), (D_LE, size))  # to go beyond the end: no
    )
    return struct.pack("=HH", 4 + len(code), INET_DIAG_REQ_BYTECODE) + code


def count(batch: bytes) -> tuple[int, bool]:
    """How many sockets a batch of answers tells of, and whether it is the last. Raises OSError."""
    at = found = 0
    while at < len(batch):
        length, kind, *_ = HEADER.unpack_from(batch, at)
        if kind == NLMSG_DONE:
            return found, True
        if kind == NLMSG_ERROR or length < HEADER.size:
            raise OSError("sock_diag refuses")
        found += 1
        at += (length + 3) & ~3
    return found, False


def time_waits(port: int) -> int:
    """Count the sockets of this network namespace in TIME_WAIT to a port; -1: nobody can tell."""
    body = REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, TIME_WAIT, bytes(48))
    body += _filter(port)
    flags = NLM_F_REQUEST | NLM_F_DUMP
    request = HEADER.pack(HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, flags, 1, 0) + body
    total, done = 0, False
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(PATIENCE_S)
            kernel.send(request)
            while not done:
                found, done = count(kernel.recv(READ))
                total += found
    except OSError:
        return -1
    return total
