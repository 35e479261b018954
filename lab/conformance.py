"""Does a server answer rightly whatever becomes of the bytes on their way, and of its clients?

Load proves nothing here: most mistakes of a server show only with short sends, half-closed or reset
connections, and clients that came while it looked away. Each check is one such situation, on the
wire, for any protocol: what is asked and answered comes from the catalog. A check that a server
cannot pass by design is left out by a fact of the catalog (`at_once`, `spins`), never by name.
"""

import random
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache

from lab.backends.contract import Target, WrongAnswer
from servers.catalog import PROTOCOLS, Server

TIMEOUT = 10.0  # seconds until an answer that does not come counts as lost
JAM = 0.1  # seconds without room to write: both ways are full, and nobody is about to read
LARGE = 4 << 20  # bytes, read as they come
JAMMING = 10_000_000  # bytes; more than all buffers on the way of a slow reader (3 to 6 MB) hold
SLOW_RECEIVE = 4096  # bytes; the kernel doubles it. With it, the server's send() is mostly short
SLOW_SEND = 65_536  # bytes, so that less of it all waits at the client
PIECE = 65_536  # bytes per call
BURST = 20  # clients that come while the server looks away
MANY = 200  # clients at once
IDLE = 0.3  # seconds of watching a server that has nothing to do
IDLE_CPU_NS = 20_000_000  # of those; a server that spins uses ten times as much
LINGER_ABORT = struct.pack("ii", 1, 0)  # close() sends a reset, socket(7) SO_LINGER


@dataclass(frozen=True, slots=True)
class Check:
    """One situation, and how many clients it needs served at once."""

    run: Callable[[Target, str], None]
    clients: int = 1
    idle: bool = False  # expects a server that waits when there is nothing to do


def applicable(server: Server) -> dict[str, Check]:
    """The checks this server must pass, by what the catalog says of it."""
    return {
        name: check
        for name, check in CHECKS.items()
        if (server.at_once == 0 or check.clients <= server.at_once)
        and not (check.idle and server.spins)
    }


def examine(target: Target, server: Server, protocol: str) -> dict[str, str]:
    """Run all applicable checks, one after the other. Returns what failed, by name, and why."""
    failures = {}
    for name, check in applicable(server).items():
        try:
            check.run(target, protocol)
            target.verify(protocol)
        except (WrongAnswer, OSError) as error:
            failures[name] = f"{type(error).__name__}: {error}"
    return failures


def byte_by_byte(target: Target, protocol: str) -> None:
    """Requests come in pieces of one byte."""
    question, answer = _payload(protocol, 64)
    with _client(target, protocol) as client:
        for value in question:
            client.sendall(bytes([value]))
        _expect(client, answer)


def split_anywhere(target: Target, protocol: str) -> None:
    """Requests come in two pieces, split at every place in turn."""
    question, answer = PROTOCOLS[protocol].question, PROTOCOLS[protocol].answer
    with _client(target, protocol) as client:
        for place in range(1, len(question)):
            client.sendall(question[:place])
            client.sendall(question[place:])
            _expect(client, answer)


def coalesced(target: Target, protocol: str) -> None:
    """Many requests come in one piece."""
    with _client(target, protocol) as client:
        client.sendall(PROTOCOLS[protocol].question * 100)
        _expect(client, PROTOCOLS[protocol].answer * 100)


def silent_client(target: Target, protocol: str) -> None:
    """A client comes, says nothing, and half-closes; another just leaves."""
    with connect(target) as client:
        client.shutdown(socket.SHUT_WR)
        _expect_end(client)
    connect(target).close()
    target.verify(protocol)


def large(target: Target, protocol: str) -> None:
    """Requests and answers that no socket buffer holds, read as they come."""
    question, answer = _payload(protocol, LARGE)
    with _client(target, protocol) as client:
        _compare(_pump(client, question, len(answer)), answer)


def half_close(target: Target, protocol: str) -> None:
    """The client ends its side after the last request: the whole answer must come, then the end."""
    for size in (1, 4 * PIECE):  # one to read, and more than one to read, when the end is there
        question, answer = _payload(protocol, size)
        warm, warmed = _payload(protocol, LARGE)
        with _client(target, protocol) as client:
            _compare(_pump(client, warm, len(warmed)), warmed)  # the server's buffer has grown
            with _paused(target):
                client.sendall(question)
                client.shutdown(socket.SHUT_WR)
            _compare(_pump(client, b"", len(answer)), answer)
            _expect_end(client)


def half_close_unread(target: Target, protocol: str) -> None:
    """The client ends its side having read nothing: the whole answer must come, then the end."""
    question, answer = _payload(protocol, JAMMING)
    with _client(target, protocol, slow=True) as client:
        sent = _fill(client, question)
        _compare(_pump(client, question[sent:], len(answer), half_close=True), answer)
        _expect_end(client)


def reset_in_backlog(target: Target, protocol: str) -> None:
    """A client has gone, by a reset, before the server got to see it."""
    with _paused(target):
        for said in (b"", PROTOCOLS[protocol].question):
            client = connect(target)
            client.sendall(said)
            _reset(client)
    target.verify(protocol)


def reset_while_read(target: Target, protocol: str) -> None:
    """A client resets the connection while the server waits for its bytes."""
    with _client(target, protocol) as client:
        client.sendall(PROTOCOLS[protocol].question)
        _expect(client, PROTOCOLS[protocol].answer)
        _reset(client)
    target.verify(protocol)


def reset_while_written(target: Target, protocol: str) -> None:
    """A client that does not read resets while the server has bytes left for it."""
    with _client(target, protocol, slow=True) as client:
        _fill(client, _payload(protocol, JAMMING)[0])
        _reset(client)
    target.verify(protocol)


def reset_behind_requests(target: Target, protocol: str) -> None:
    """Requests and then a reset are found in one look: reading or answering fails at any point."""
    with _client(target, protocol) as client, _paused(target):
        client.sendall(PROTOCOLS[protocol].question)
        _reset(client)
    target.verify(protocol)


def burst(target: Target, protocol: str) -> None:
    """Twenty clients come and speak while the server looks away: all are there in one wake."""
    spoken = PROTOCOLS[protocol]
    with ExitStack() as stack:
        with _paused(target):
            clients = [stack.enter_context(connect(target)) for _ in range(BURST)]
            for client in clients:
                client.sendall(spoken.hello + spoken.question)
        for client in clients:
            _expect(client, spoken.welcome + spoken.answer)


def slow_reader(target: Target, protocol: str) -> None:
    """A client sends all and reads nothing until nothing moves; then it wants every byte."""
    question, answer = _payload(protocol, JAMMING)
    with _client(target, protocol, slow=True) as client:
        sent = _fill(client, question)
        _compare(_pump(client, question[sent:], len(answer)), answer)


def slow_neighbour(target: Target, protocol: str) -> None:
    """While a client does not read, another is served."""
    with _client(target, protocol, slow=True) as client:
        _fill(client, _payload(protocol, JAMMING)[0])
        target.verify(protocol)


def many(target: Target, protocol: str) -> None:
    """Two hundred are connected before the first speaks; they speak, then all listen."""
    spoken = PROTOCOLS[protocol]
    with ExitStack() as stack:
        clients = [stack.enter_context(_client(target, protocol)) for _ in range(MANY)]
        for client in clients:
            client.sendall(spoken.question)
        for client in reversed(clients):
            _expect(client, spoken.answer)


def idle(target: Target, protocol: str) -> None:
    """With a silent client, the server waits and uses no CPU."""
    with _client(target, protocol):
        _expect_idle(target)


def idle_with_answers_left(target: Target, protocol: str) -> None:
    """With an answer that its client does not read, the server waits for that: no CPU either."""
    with _client(target, protocol, slow=True) as client:
        _fill(client, _payload(protocol, JAMMING)[0])
        client.shutdown(socket.SHUT_WR)  # "readable" for ever, for whoever asks
        _expect_idle(target)


CHECKS = {
    "byte-by-byte": Check(byte_by_byte),
    "split-anywhere": Check(split_anywhere),
    "coalesced": Check(coalesced),
    "silent-client": Check(silent_client),
    "large": Check(large),
    "half-close": Check(half_close),
    "half-close-unread": Check(half_close_unread),
    "reset-in-backlog": Check(reset_in_backlog),
    "reset-while-read": Check(reset_while_read),
    "reset-while-written": Check(reset_while_written),
    "reset-behind-requests": Check(reset_behind_requests),
    "burst": Check(burst, clients=BURST),
    "slow-reader": Check(slow_reader),
    "slow-neighbour": Check(slow_neighbour, clients=2),
    "many": Check(many, clients=MANY),
    "idle": Check(idle, idle=True),
    "idle-with-answers-left": Check(idle_with_answers_left, idle=True),
}


@lru_cache(maxsize=4)
def _payload(protocol: str, size: int) -> tuple[bytes, bytes]:
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
def _client(target: Target, protocol: str, *, slow: bool = False) -> Iterator[socket.socket]:
    """A connection past its protocol's opening."""
    with connect(target, slow=slow) as client:
        if PROTOCOLS[protocol].hello:
            client.sendall(PROTOCOLS[protocol].hello)
            _expect(client, PROTOCOLS[protocol].welcome)
        yield client


@contextmanager
def _paused(target: Target) -> Iterator[None]:
    target.pause()
    try:
        yield
    finally:
        target.resume()


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ABORT)
    client.close()


def _expect(client: socket.socket, answer: bytes) -> None:
    found = b""
    while len(found) < len(answer) and (data := client.recv(len(answer) - len(found))):
        found += data
    _compare(found, answer)


def _expect_end(client: socket.socket) -> None:
    if data := client.recv(PIECE):
        raise WrongAnswer(f"{data[:40]!r} where the connection should have ended")


def _expect_idle(target: Target) -> None:
    before = target.meter.read()
    time.sleep(IDLE)
    after = target.meter.read()
    used = after.cpu_ns - before.cpu_ns
    if used > IDLE_CPU_NS:
        span_ms = (after.at_ns - before.at_ns) / 1e6
        raise WrongAnswer(f"{used / 1e6:.0f} ms of CPU in {span_ms:.0f} ms with nothing to do")


def _compare(found: bytes, answer: bytes) -> None:
    if found != answer:
        pairs = enumerate(zip(found, answer, strict=False))
        place = next((at for at, (a, b) in pairs if a != b), min(len(found), len(answer)))
        raise WrongAnswer(f"{len(found)} bytes of {len(answer)}, the first wrong one at {place}")


def _fill(client: socket.socket, data: bytes) -> int:
    """Send and do not read, until the ways there and back are full. Returns how much went."""
    poller = select.poll()
    poller.register(client, select.POLLOUT)
    sent = 0
    while sent < len(data) and poller.poll(JAM * 1000):
        sent += client.send(data[sent : sent + PIECE], socket.MSG_DONTWAIT)
    return sent


def _pump(client: socket.socket, data: bytes, size: int, *, half_close: bool = False) -> bytes:
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
