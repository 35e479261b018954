"""A multiplexing server sets its sockets non-blocking: without, one slow reader stops all.

Looked at: a select loop that owes one client 16 MiB, which the client does not read, while another
asks for a byte; with non-blocking sockets, and with blocking ones.
Control: with blocking sockets both are served when nobody owes anybody much.
Source: select(2), BUGS; a large send() blocks although the socket was reported writable.
"""

import select
import socket
from threading import Thread
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import SILENCE_S

LONG, SHORT = 16 << 20, 1  # bytes


class Seen(NamedTuple):
    answered_with_nonblocking_sockets: bool
    answered_with_blocking_sockets: bool
    answered_with_blocking_sockets_and_short_answers: bool


def observe() -> Seen:
    return Seen(
        _answered(LONG, blocking=False),
        _answered(LONG, blocking=True),
        _answered(SHORT, blocking=True),
    )


def judge(seen: Seen) -> Ruling:
    needed = seen.answered_with_nonblocking_sockets and not seen.answered_with_blocking_sockets
    return Ruling(needed, control=seen.answered_with_blocking_sockets_and_short_answers)


def _answered(length: int, *, blocking: bool) -> bool:
    """Is the second client answered while the first does not read its long answer?"""
    first, second = socket.socketpair(), socket.socketpair()
    owed = {first[0]: bytes(length), second[0]: b"x"}
    for sock in owed:
        sock.setblocking(blocking)
    Thread(target=_serve, args=[owed], daemon=True).start()
    first[1].sendall(b"?")
    second[1].settimeout(SILENCE_S)
    for _ in range(2):  # the second time, the loop is at work on the long answer for sure
        second[1].sendall(b"?")
        try:
            second[1].recv(1)
        except TimeoutError:
            return False
    return True


def _serve(owed: dict[socket.socket, bytes]) -> None:
    """Answer whoever asks; keep what send() does not take for the time when there is room."""
    rest: dict[socket.socket, bytes] = {}
    while True:
        readable, writable, _ = select.select(list(owed), list(rest), [])
        for sock in readable:
            if not sock.recv(64):
                return
            rest[sock] = owed[sock]
        for sock in writable:
            try:
                sent = sock.send(rest[sock])
            except ConnectionError:
                return  # the test is over
            rest[sock] = rest[sock][sent:]
            if not rest[sock]:
                del rest[sock]
