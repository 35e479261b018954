"""What a protocol is to a server, what a server is to the lab, and the numbers all of them share.

Rules: a protocol sees no socket, clock or thread; a server never looks inside the bytes.
The waiting is the only variable between two servers, so what is not waiting is defined here, once.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

RECEIVE_SIZE = (
    65536  # bytes; CPython allocates them per recv, and from 128 KiB on malloc maps pages
)
BACKLOG = 1024  # connections; listen(2) clips it to net.core.somaxconn, 4096 since Linux 5.4

GONE = (
    ConnectionError,
    TimeoutError,
)  # the client is not there any more: reset, or ETIMEDOUT, tcp(7)


class Connection(Protocol):
    """One client's talk, no socket. `receive(b"")` is end of file; then `closed` is true."""

    closed: bool  # hang up once the last bytes are sent

    def receive(self, data: bytes) -> bytes:
        """Take what recv() returned, give what to send."""


NewConnection = Callable[[], Connection]


class Serve(Protocol):
    """One I/O model: serve until the listener is shut down under it; accept()'s OSError may pass.

    Clients may wait in the backlog already. `workers` is the size of a pool, if there is one.
    """

    def __call__(
        self, listener: socket.socket, new_connection: NewConnection, workers: int
    ) -> None: ...


@dataclass(slots=True)
class Counters:
    """What a server reports when it ends. Rare events only: nothing is counted per request."""

    refused: int = 0  # clients accepted and closed at once, for want of a place


counters = Counters()


def refuse(client: socket.socket) -> None:
    """Close a client that cannot be served: it sees the end of the file, the others see nothing."""
    counters.refused += 1
    client.close()
