"""What a protocol is to a server, what a server is to the lab, and the numbers all of them share.

Rules: a protocol sees no socket, clock or thread; a server never looks inside the bytes.
The waiting is the only variable between two servers, so what is not waiting is defined here, once.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

RECEIVE_SIZE = (
    65536  # bytes; CPython allocates them per recv, and from 128 KiB on malloc maps pages
)
BACKLOG = 1024  # connections; listen(2) clips it to net.core.somaxconn, 4096 since Linux 5.4

GONE = (
    ConnectionError,
    TimeoutError,
)  # the client is not there any more: reset, or ETIMEDOUT, tcp(7)

Job = Callable[[], bytes]


class Connection(Protocol):
    """One client's talk, no socket. `receive(b"")` is end of file; then `closed` is true.

    lingers: a client that was refused may still be sending. Whoever closes at once resets it, and
    it never reads why (RFC 9112, section 9.6): half-close, and read on until it ends, instead.
    job: the work of a request that asked to be done elsewhere, in a connection made with
    `offloads`: call it anywhere, send what it returns, and receive() nothing meanwhile.
    """

    closed: bool  # hang up once the last bytes are sent
    lingers: bool
    job: Job | None

    def receive(self, data: bytes) -> bytes:
        """Take what recv() returned, give what to send."""


class NewConnection(Protocol):
    """Makes the protocol's side of a fresh connection.

    offloads: the server looks at `job`, as it has somewhere to do it; else receive() does it all.
    """

    def __call__(self, *, offloads: bool = False) -> Connection: ...


class Serve(Protocol):
    """One I/O model: serve until the process is ended (servers.core.ending); never return.

    Clients may wait in the backlog already. `workers` is the size of a pool, if there is one.
    """

    def __call__(
        self, listener: socket.socket, new_connection: NewConnection, workers: int
    ) -> None: ...


@dataclass(slots=True)
class Counter:
    """A number that all threads and forked processes of a server add to: eventfd(2)."""

    _descriptor: int = field(default_factory=lambda: os.eventfd(0, os.EFD_NONBLOCK))

    def add(self) -> None:
        os.eventfd_write(self._descriptor, 1)

    def take(self) -> int:
        """Return the number and set it to zero."""
        try:
            return os.eventfd_read(self._descriptor)
        except BlockingIOError:
            return 0


refused = Counter()  # clients accepted and closed at once, for want of a place


def refuse(client: socket.socket) -> None:
    """Close a client that cannot be served: it sees the end of the file, the others see nothing."""
    refused.add()
    os.close(client.detach())  # now: gevent's close() would wait for the next turn of its loop
