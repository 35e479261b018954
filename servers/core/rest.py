"""How to hang up on a client that may still be sending, for every model: half-close, read on."""

import contextlib
import socket

from servers.core.contract import RECEIVE_SIZE, Job

LINGER = 1.0  # seconds without a byte, where the model can wait with a limit
LINGER_SIZE = 1 << 20  # bytes read away; whoever sends more is reset, and has earned it


class Rest:
    """Stands in for a connection that has hung up: takes what still comes, says nothing."""

    __slots__ = ("closed", "left")
    lingers = False
    job: Job | None = None

    def __init__(self) -> None:
        self.closed = False
        self.left = LINGER_SIZE

    def receive(self, data: bytes) -> bytes:
        self.left -= len(data)
        self.closed = not data or self.left < 0
        return b""


def half_close(client: socket.socket) -> Rest:
    """End our side: the client reads all answers, then the end of the file."""
    with contextlib.suppress(OSError):  # it has gone already: the next recv() says so
        client.shutdown(socket.SHUT_WR)
    return Rest()


def linger(client: socket.socket) -> None:
    """Half-close and wait for the client's end: for who may wait for one client. Raises GONE."""
    rest = half_close(client)
    client.settimeout(LINGER)
    while not rest.closed:
        rest.receive(client.recv(RECEIVE_SIZE))
