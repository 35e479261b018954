"""The client of the conformance checks: sends in pieces, stops reading, resets, compares bytes."""

import random
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from lab.backends.contract import Target, WrongAnswer
from lab.messages import message
from lab.replies import Canonical, Malformed
from servers.catalog import PROTOCOLS, Protocol

TIMEOUT = 10.0  # seconds until an answer that does not come counts as lost
JAM = 0.1  # seconds without room to write: both ways are full, and nobody is about to read
SLOW_RECEIVE = 4096  # bytes; the kernel doubles it. With it, the server's send() is mostly short
SLOW_SEND = 65_536  # bytes, so that less of it all waits at the client
PIECE = 65_536  # bytes per call
BODY = 16_384  # bytes per message of a long talk: several in one read, and several reads
STILL_SENT = 262_144  # bytes that come although the first of them are refused; LINGER_SIZE is more
QUIET = 0.3  # seconds without a byte: whoever was to be answered now has been
IDLE = 0.3  # seconds of watching a server that has nothing to do
IDLE_CPU_NS = 20_000_000  # of those; a server that spins uses ten times as much
LINGER_ABORT = struct.pack("ii", 1, 0)  # close() sends a reset, socket(7) SO_LINGER


@lru_cache(maxsize=8)
def noise(size: int) -> bytes:
    """Bytes, no two places alike, the same ones each time."""
    return random.Random(size).randbytes(size)


@lru_cache(maxsize=6)
def payload(protocol: str, size: int) -> tuple[bytes, bytes]:
    """Requests with `size` bytes of bodies and their answers; no two places alike."""
    data = noise(size)
    if protocol == "echo":
        return data, data.upper()
    messages = [message(protocol, data[at : at + BODY]) for at in range(0, size, BODY)]
    return b"".join(question for question, _ in messages), b"".join(
        answer for _, answer in messages
    )


@lru_cache(maxsize=6)
def repeated(spoken: Protocol, size: int) -> tuple[bytes, bytes]:
    """The same request and answer so often that one of both has `size` bytes."""
    times = -(-size // max(len(spoken.question), len(spoken.answer)))
    return spoken.question * times, spoken.answer * times


class Client(socket.socket):
    """A socket that hears by meaning what a server of another make says: see lab.replies."""

    __slots__ = ("_canonical", "_heard")

    def __init__(self, *, exact: bool = True) -> None:
        super().__init__()
        self._canonical = None if exact else Canonical()
        self._heard = b""  # canonical bytes that nobody has asked for yet

    def hear(self, size: int = PIECE) -> bytes | None:
        """Receive once. None: there are bytes, but no whole reply yet."""
        if self._heard:
            heard, self._heard = self._heard, b""
            return heard
        data = super().recv(size)
        if self._canonical is None:
            return data
        try:
            return self._canonical.feed(data) or (None if data else b"")
        except Malformed as error:
            raise WrongAnswer(str(error)) from error

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        if self._canonical is None:
            return super().recv(size, flags)
        while (heard := self.hear()) is None:
            pass
        self._heard = heard[size:]
        return heard[:size]

    @property
    def waiting(self) -> bool:
        """There are bytes that poll() does not see."""
        return bool(self._heard)


def connect(target: Target, *, slow: bool = False, raw: bool = False) -> Client:
    """Connect, with a deadline on all that follows.

    slow: with buffers that make sends short. raw: hear the bytes as they are, whoever speaks.
    """
    client = Client(exact=raw or target.exact)
    try:
        if slow:  # before connect(): the window's scale is agreed upon then, tcp(7)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_RECEIVE)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SLOW_SEND)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.settimeout(TIMEOUT)
        client.connect(target.address)
    except OSError:
        client.close()
        raise
    return client


@contextmanager
def client(target: Target, protocol: str, *, slow: bool = False) -> Iterator[Client]:
    """A connection past its protocol's opening."""
    with greet(connect(target, slow=slow), protocol) as client:
        yield client


def greet(client: Client, protocol: str) -> Client:
    """Open the talk; the client is closed when that fails."""
    try:
        if PROTOCOLS[protocol].hello:
            client.sendall(PROTOCOLS[protocol].hello)
            expect(client, PROTOCOLS[protocol].welcome)
    except BaseException:
        client.close()
        raise
    return client


@contextmanager
def paused(target: Target) -> Iterator[None]:
    target.pause()
    try:
        yield
    finally:
        target.resume()


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ABORT)
    client.close()


def expect(client: socket.socket, answer: bytes) -> None:
    found = b""
    while len(found) < len(answer) and (data := client.recv(len(answer) - len(found))):
        found += data
    compare(found, answer)


def read_all(client: socket.socket) -> bytes:
    """Read until the server hangs up."""
    found = b""
    while data := client.recv(PIECE):
        found += data
    return found


def expect_end(client: socket.socket) -> None:
    if data := client.recv(PIECE):
        raise WrongAnswer(f"{data[:40]!r} where the connection should have ended")


def part(client: socket.socket) -> None:
    """Say that nothing more comes, and see the server hang up: its place is free then."""
    client.shutdown(socket.SHUT_WR)
    expect_end(client)
    client.close()


def expect_idle(target: Target, most_ns: int = IDLE_CPU_NS) -> None:
    """Watch for IDLE seconds: no more CPU time than that."""
    before = target.meter.read()
    time.sleep(IDLE)
    after = target.meter.read()
    used = after.cpu_ns - before.cpu_ns
    if used > most_ns:
        span_ms = (after.at_ns - before.at_ns) / 1e6
        raise WrongAnswer(f"{used / 1e6:.0f} ms of CPU in {span_ms:.0f} ms with nothing to do")


def compare(found: bytes, answer: bytes) -> None:
    if not found and answer:
        raise WrongAnswer(f"the end, where {len(answer)} bytes should have come")
    if found != answer:
        pairs = enumerate(zip(found, answer, strict=False))
        place = next((at for at, (a, b) in pairs if a != b), min(len(found), len(answer)))
        raise WrongAnswer(f"{len(found)} bytes of {len(answer)}, the first wrong one at {place}")


def fill(client: socket.socket, data: bytes) -> int:
    """Send and do not read, until the ways there and back are full. Returns how much went."""
    poller = select.poll()
    poller.register(client, select.POLLOUT)
    sent = 0
    while sent < len(data) and poller.poll(JAM * 1000):
        sent += client.send(data[sent : sent + PIECE], socket.MSG_DONTWAIT)
    return sent


def pump(client: Client, data: bytes, size: int, *, half_close: bool = False) -> bytes:
    """Send all, receive `size` bytes, both as the socket lets; fewer when the server hangs up."""
    return talk(client, data, lambda found: len(found) >= size, half_close=half_close)


def talk(
    client: Client,
    data: bytes,
    enough: Callable[[bytearray], bool],
    *,
    half_close: bool = False,
    patience: float = 0.0,
) -> bytes:
    """Send all and receive until it is enough, both as the socket lets, or the server hangs up.

    patience: seconds without a move after which it is enough, too; 0: that is a wrong answer.
    """
    poller = select.poll()
    found = bytearray()
    rest = memoryview(data)
    while not enough(found):
        if half_close and not rest:
            client.shutdown(socket.SHUT_WR)
            half_close = False
        poller.register(client, select.POLLIN | (select.POLLOUT if rest else 0))
        ready = poller.poll(0 if client.waiting else (patience or TIMEOUT) * 1000)
        events = ready[0][1] if ready else 0
        if not ready and not client.waiting:
            if patience:
                break
            raise WrongAnswer(f"nothing moves any more after {len(found)} bytes of answer")
        if events & ~select.POLLOUT or client.waiting:
            piece = client.hear()
            if piece == b"":
                break
            found += piece or b""
        elif events & select.POLLOUT:
            rest = rest[client.send(rest[:PIECE], socket.MSG_DONTWAIT) :]
    return bytes(found)


def sort(clients: list[Client], answer: bytes) -> tuple[list[Client], list[Client], list[Client]]:
    """Hear all until nothing comes: who was answered, who was refused, and who still waits.

    Raises WrongAnswer for an answer that is neither whole nor missing.
    """
    heard = {client.fileno(): b"" for client in clients}
    ended: set[int] = set()
    named = {client.fileno(): client for client in clients}
    poller = select.poll()
    for number in named:
        poller.register(number, select.POLLIN)
    while ready := poller.poll(QUIET * 1000):
        for number, _ in ready:
            try:
                piece = named[number].hear()
            except ConnectionError:  # it had our bytes when it closed
                piece = b""
            heard[number] += piece or b""
            if piece == b"":
                ended.add(number)
            if number in ended or len(heard[number]) >= len(answer):
                poller.unregister(number)
    for said in heard.values():
        if said:
            compare(said, answer)
    served = [named[number] for number, said in heard.items() if said]
    refused = [named[number] for number, said in heard.items() if not said and number in ended]
    waiting = [named[n] for n, said in heard.items() if not said and n not in ended]
    return served, refused, waiting


def ended(client: socket.socket, milliseconds: int) -> bool:
    """Whether the server hangs up, now or soon; what it says instead stays to be read."""
    poller = select.poll()
    poller.register(client, select.POLLIN)
    return bool(poller.poll(milliseconds)) and client.recv(1, socket.MSG_PEEK) == b""
