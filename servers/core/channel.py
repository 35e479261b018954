"""One client over a non-blocking socket: what the readiness family shares.

A channel waits for one thing at a time: bytes to read, or, while an answer is not wholly sent, room
to write. A client that does not read its answers is not read either, and costs one answer at most.
Nothing here waits, and nothing here knows how the server does.
"""

import socket

from servers.core.contract import GONE, RECEIVE_SIZE, Connection, NewConnection
from servers.core.rest import half_close


class Channel:
    """The socket, its protocol state, and the bytes the kernel has not taken yet."""

    __slots__ = ("blocked", "client", "closed", "connection", "unsent", "wants_write")

    def __init__(self, client: socket.socket, new_connection: NewConnection) -> None:
        client.setblocking(False)  # "ready" is a hint only, select(2) BUGS
        self.client = client
        self.connection: Connection = new_connection()
        self.unsent: bytes | memoryview = b""
        self.wants_write = False  # what it waits for: room to write, or else bytes to read
        self.closed = False  # the talk is over: close() is due
        self.blocked = False  # the kernel said "not now"; for those who go on until it does

    def advance(self) -> bool:
        """Take one step: read once, answer, send once; or send once more of what is left.

        True: `wants_write` or `closed` has changed, so there is something to tell the kernel.
        """
        answer = self.unsent
        try:
            if not answer:
                answer = self.connection.receive(self.client.recv(RECEIVE_SIZE))
            sent = self.client.send(answer) if answer else 0
        except BlockingIOError:
            self.blocked = True
            sent = 0
        except GONE:
            self.closed = True
            return True
        if sent < len(answer):
            self.unsent = memoryview(answer)[sent:]  # no copy: a long rest goes out in many pieces
            changed = not self.wants_write
            self.wants_write = True
            return changed
        self.closed = self.connection.closed
        if self.closed and self.connection.lingers:
            self.connection = half_close(self.client)
            self.closed = False
        if self.wants_write:
            self.unsent = b""
            self.wants_write = False
            return True
        return self.closed

    def close(self) -> None:
        self.client.close()
