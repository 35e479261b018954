"""One connection in blocking style: connect, ask, wait for the answer, check every byte.

The sockets are gevent's (Locust has patched the module), so each call lets other greenlets run.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from time import monotonic_ns as now_ns
from typing import Any, NamedTuple

from loadtests.engine.clients import Client
from loadtests.engine.replies import Reading, WrongReply
from loadtests.engine.sources import IP_BIND_ADDRESS_NO_PORT

LEAST_READ, MOST_READ = 4096, 262144  # bytes per recv(), as the load engine's


class Failed(Exception):
    """What went wrong, as one of `lab.record.FailureKind`."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Place(NamedTuple):
    """Where the server is, and where the connection comes from; "": the kernel's choice."""

    family: socket.AddressFamily
    address: Any
    source: str = ""


class Line:
    """An open connection. sent, first, got: of the last exchange: two stamps, and bytes received.

    Connecting raises Failed, as `exchange` does; then the socket is closed.
    """

    def __init__(self, place: Place, client: Client, connected: Callable[[int, int], None]) -> None:
        """connected: told the clock, and when connect() was called."""
        self.client = client
        self.size = min(max(LEAST_READ, len(client.exchanges[0][1]) + 1), MOST_READ)
        self.sent = self.first = self.got = 0
        self.sock = socket.socket(place.family, socket.SOCK_STREAM)
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connect(place, connected)
            self._greet()
        except BaseException:  # also the end of the greenlet
            self.close()
            raise

    def exchange(self, request: bytes, reply: bytes) -> int:
        """Ask, and wait for the reply. Returns when it was whole. Raises Failed."""
        self.first = self.got = 0
        self.sent = now_ns()
        check = self._checking(reply)
        try:
            self.sock.sendall(request)
            while True:
                data = self.sock.recv(self.size)
                now = now_ns()
                if not data:
                    raise Failed("short" if self.got else "closed")
                self.first = self.first or now
                self.got += len(data)
                if check(data):
                    return now
        except WrongReply as wrong:
            raise Failed("wrong") from wrong
        except OSError as gone:
            raise Failed("reset") from gone

    def listen(self) -> None:
        """Wait until the other side says something, or goes: nobody has asked it anything."""
        with suppress(OSError):
            self.sock.recv(1)

    def close(self) -> None:
        self.sock.close()

    def _connect(self, place: Place, connected: Callable[[int, int], None]) -> None:
        called = now_ns()
        try:
            if place.source:
                self.sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                self.sock.bind((place.source, 0))
            self.sock.connect(place.address)
        except OSError as refused:
            raise Failed("refused") from refused
        connected(now_ns(), called)

    def _greet(self) -> None:
        """Say hello and hear the welcome, in protocols that have them."""
        if not self.client.hello:
            return
        heard = b""
        try:
            self.sock.sendall(self.client.hello)
            while not self.client.welcome(heard):
                data = self.sock.recv(self.size)
                if not data:
                    raise Failed("closed")
                heard += data
        except ValueError as wrong:
            raise Failed("wrong") from wrong
        except OSError as gone:
            raise Failed("reset") from gone

    def _checking(self, reply: bytes) -> Callable[[bytes], bool]:
        """Return what takes the pieces of a reply and says when it is whole. Raises WrongReply.

        As the load engine's links: by the bytes foreseen, and from where they differ by a judge.
        """
        got = 0
        reading: Reading | None = None

        def check(data: bytes) -> bool:
            nonlocal got, reading
            if reading is None and reply.startswith(data, got):
                got += len(data)
                return got == len(reply)
            if self.client.judge is None:
                raise WrongReply("other bytes")
            if reading is None:
                reading = Reading(self.client.judge, reply)
                data = reply[:got] + data
            return reading.feed(data)

        return check
