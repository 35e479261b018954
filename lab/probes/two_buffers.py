"""What comes from the network lies in a buffer of the kernel first, then in the program's.

Looked at: 5000 bytes are sent to a socket that nobody reads: how many the kernel holds for it, and
what stands in a buffer of ours; then the same after one recv_into().
Control: where nothing was sent, the kernel holds nothing.
Source: tcp(7), SIOCINQ.
"""

import fcntl
import socket
import struct
import termios
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import tcp_pair, until

SENT = 5000


class Seen(NamedTuple):
    sent: int
    held_by_the_kernel_before: int
    in_our_buffer_before: int
    held_by_the_kernel_after: int
    in_our_buffer_after: int
    held_where_nothing_was_sent: int


def observe() -> Seen:
    ours = bytearray(SENT)
    with tcp_pair() as (client, accepted), tcp_pair() as (_, silent):
        client.sendall(b"x" * SENT)
        until(lambda: _held(accepted) == SENT)
        before = _held(accepted), ours.count(b"x")
        accepted.recv_into(ours)
        return Seen(SENT, *before, _held(accepted), ours.count(b"x"), _held(silent))


def judge(seen: Seen) -> Ruling:
    before = (seen.held_by_the_kernel_before, seen.in_our_buffer_before) == (seen.sent, 0)
    after = (seen.held_by_the_kernel_after, seen.in_our_buffer_after) == (0, seen.sent)
    return Ruling(before and after and seen.sent > 0, seen.held_where_nothing_was_sent == 0)


def _held(sock: socket.socket) -> int:
    """Return how many bytes wait in the socket's receive buffer."""
    answer = fcntl.ioctl(sock, termios.FIONREAD, bytes(4))
    return int(struct.unpack("=i", answer)[0])
