"""The client of the conformance checks: sends in pieces, stops reading, resets, compares bytes."""

import random
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from lab.backends.contract import Target, WrongAnswer
from servers.catalog import PROTOCOLS

TIMEOUT = 10.0  # seconds until an answer that does not come counts as lost
JAM = 0.1  # seconds without room to write: both ways are full, and nobody is about to read
SLOW_RECEIVE = 4096  # bytes; the kernel doubles it. With it, the server's send() is mostly short
SLOW_SEND = 65_536  # bytes, so that less of it all waits at the client
PIECE = 65_536  # bytes per call
IDLE = 0.3  # seconds of watching a server that has nothing to do
IDLE_CPU_NS = 20_000_000  # of those; a server that spins uses ten times as much
LINGER_ABORT = struct.pack("ii", 1, 0)  # close() sends a reset, socket(7) SO_LINGER


@lru_cache(maxsize=4)
def payload(protocol: str, size: int) -> tuple[bytes, bytes]:
    """At least `size` bytes of requests and their answers; for echo no two places alike."""
    if protocol == "echo":
        question = random.Random(size).randbytes(size)
        return question, question.upper()
    spoken = PROTOCOLS[protocol]
    count = -(-size // min(len(spoken.question), len(spoken.answer)))
    return spoken.question * count, spoken.answer * count


def connect(target: Target, *, slow: bool = False) -> socket.socket:
    """Connect, with a deadline on all that follows; slow: with buffers that make sends short."""
    client = socket.socket()
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
def client(target: Target, protocol: str, *, slow: bool = False) -> Iterator[socket.socket]:
    """A connection past its protocol's opening."""
    with connect(target, slow=slow) as client:
        if PROTOCOLS[protocol].hello:
            client.sendall(PROTOCOLS[protocol].hello)
            expect(client, PROTOCOLS[protocol].welcome)
        yield client


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


def expect_end(client: socket.socket) -> None:
    if data := client.recv(PIECE):
        raise WrongAnswer(f"{data[:40]!r} where the connection should have ended")


def expect_idle(target: Target) -> None:
    before = target.meter.read()
    time.sleep(IDLE)
    after = target.meter.read()
    used = after.cpu_ns - before.cpu_ns
    if used > IDLE_CPU_NS:
        span_ms = (after.at_ns - before.at_ns) / 1e6
        raise WrongAnswer(f"{used / 1e6:.0f} ms of CPU in {span_ms:.0f} ms with nothing to do")


def compare(found: bytes, answer: bytes) -> None:
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


def pump(client: socket.socket, data: bytes, size: int, *, half_close: bool = False) -> bytes:
    """Send all, receive `size` bytes, both as the socket lets; fewer when the server hangs up."""
    poller = select.poll()
    found = bytearray()
    rest = memoryview(data)
    while len(found) < size:
        if half_close and not rest:
            client.shutdown(socket.SHUT_WR)
            half_close = False
        poller.register(client, select.POLLIN | (select.POLLOUT if rest else 0))
        ready = poller.poll(TIMEOUT * 1000)
        if not ready:
            raise WrongAnswer(f"nothing moves any more after {len(found)} bytes of {size}")
        if ready[0][1] & select.POLLOUT:
            rest = rest[client.send(rest[:PIECE], socket.MSG_DONTWAIT) :]
        if ready[0][1] & ~select.POLLOUT:
            piece = client.recv(PIECE)
            if not piece:
                break
            found += piece
    return bytes(found)
