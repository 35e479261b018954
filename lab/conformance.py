"""Does a server answer rightly whatever becomes of the bytes on their way, and of its clients?

Load proves nothing here: most mistakes of a server show only with short sends, half-closed or reset
connections, and clients that came while it looked away. Each check is one such situation, on the
wire, for any protocol: what is asked and answered comes from the catalog. A check that a server
cannot pass by design is left out by a fact of the catalog (`at_once`, `spins`), never by name.
"""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from lab import wire
from lab.backends.contract import Target, WrongAnswer
from servers.catalog import PROTOCOLS, Server

LARGE = 4 << 20  # bytes, read as they come
JAMMING = 10_000_000  # bytes; more than all buffers on the way of a slow reader (3 to 6 MB) hold
BURST = 20  # clients that come while the server looks away
MANY = 200  # clients at once


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
    question, answer = wire.payload(protocol, 64)
    with wire.client(target, protocol) as client:
        for value in question:
            client.sendall(bytes([value]))
        wire.expect(client, answer)


def split_anywhere(target: Target, protocol: str) -> None:
    """Requests come in two pieces, split at every place in turn."""
    question, answer = PROTOCOLS[protocol].question, PROTOCOLS[protocol].answer
    with wire.client(target, protocol) as client:
        for place in range(1, len(question)):
            client.sendall(question[:place])
            client.sendall(question[place:])
            wire.expect(client, answer)


def coalesced(target: Target, protocol: str) -> None:
    """Many requests come in one piece."""
    with wire.client(target, protocol) as client:
        client.sendall(PROTOCOLS[protocol].question * 100)
        wire.expect(client, PROTOCOLS[protocol].answer * 100)


def silent_client(target: Target, protocol: str) -> None:
    """A client comes, says nothing, and half-closes; another just leaves."""
    with wire.connect(target) as client:
        client.shutdown(socket.SHUT_WR)
        wire.expect_end(client)
    wire.connect(target).close()
    target.verify(protocol)


def large(target: Target, protocol: str) -> None:
    """Requests and answers that no socket buffer holds, read as they come."""
    question, answer = wire.payload(protocol, LARGE)
    with wire.client(target, protocol) as client:
        wire.compare(wire.pump(client, question, len(answer)), answer)


def half_close(target: Target, protocol: str) -> None:
    """The client ends its side after the last request: the whole answer must come, then the end."""
    for size in (
        1,
        4 * wire.PIECE,
    ):  # one read, and more than one
        question, answer = wire.payload(protocol, size)
        warm, warmed = wire.payload(protocol, LARGE)
        with wire.client(target, protocol) as client:
            wire.compare(wire.pump(client, warm, len(warmed)), warmed)  # its buffer has grown
            with wire.paused(target):
                client.sendall(question)
                client.shutdown(socket.SHUT_WR)
            wire.compare(wire.pump(client, b"", len(answer)), answer)
            wire.expect_end(client)


def half_close_unread(target: Target, protocol: str) -> None:
    """The client ends its side having read nothing: the whole answer must come, then the end."""
    question, answer = wire.payload(protocol, JAMMING)
    with wire.client(target, protocol, slow=True) as client:
        sent = wire.fill(client, question)
        wire.compare(wire.pump(client, question[sent:], len(answer), half_close=True), answer)
        wire.expect_end(client)


def reset_in_backlog(target: Target, protocol: str) -> None:
    """A client has gone, by a reset, before the server got to see it."""
    with wire.paused(target):
        for said in (b"", PROTOCOLS[protocol].question):
            client = wire.connect(target)
            client.sendall(said)
            wire.reset(client)
    target.verify(protocol)


def reset_while_read(target: Target, protocol: str) -> None:
    """A client resets the connection while the server waits for its bytes."""
    with wire.client(target, protocol) as client:
        client.sendall(PROTOCOLS[protocol].question)
        wire.expect(client, PROTOCOLS[protocol].answer)
        wire.reset(client)
    target.verify(protocol)


def reset_while_written(target: Target, protocol: str) -> None:
    """A client that does not read resets while the server has bytes left for it."""
    with wire.client(target, protocol, slow=True) as client:
        wire.fill(client, wire.payload(protocol, JAMMING)[0])
        wire.reset(client)
    target.verify(protocol)


def reset_behind_requests(target: Target, protocol: str) -> None:
    """Requests and then a reset are found in one look: reading or answering fails at any point."""
    with wire.client(target, protocol) as client, wire.paused(target):
        client.sendall(PROTOCOLS[protocol].question)
        wire.reset(client)
    target.verify(protocol)


def burst(target: Target, protocol: str) -> None:
    """Twenty clients come and speak while the server looks away: all are there in one wake."""
    spoken = PROTOCOLS[protocol]
    with ExitStack() as stack:
        with wire.paused(target):
            clients = [stack.enter_context(wire.connect(target)) for _ in range(BURST)]
            for client in clients:
                client.sendall(spoken.hello + spoken.question)
        for client in clients:
            wire.expect(client, spoken.welcome + spoken.answer)


def slow_reader(target: Target, protocol: str) -> None:
    """A client sends all and reads nothing until nothing moves; then it wants every byte."""
    question, answer = wire.payload(protocol, JAMMING)
    with wire.client(target, protocol, slow=True) as client:
        sent = wire.fill(client, question)
        wire.compare(wire.pump(client, question[sent:], len(answer)), answer)


def slow_neighbour(target: Target, protocol: str) -> None:
    """While a client does not read, another is served."""
    with wire.client(target, protocol, slow=True) as client:
        wire.fill(client, wire.payload(protocol, JAMMING)[0])
        target.verify(protocol)


def many(target: Target, protocol: str) -> None:
    """Two hundred are connected before the first speaks; they speak, then all listen."""
    spoken = PROTOCOLS[protocol]
    with ExitStack() as stack:
        clients = [stack.enter_context(wire.client(target, protocol)) for _ in range(MANY)]
        for client in clients:
            client.sendall(spoken.question)
        for client in reversed(clients):
            wire.expect(client, spoken.answer)


def idle(target: Target, protocol: str) -> None:
    """With a silent client, the server waits and uses no CPU."""
    with wire.client(target, protocol):
        wire.expect_idle(target)


def idle_with_answers_left(target: Target, protocol: str) -> None:
    """With an answer that its client does not read, the server waits for that: no CPU either."""
    with wire.client(target, protocol, slow=True) as client:
        wire.fill(client, wire.payload(protocol, JAMMING)[0])
        client.shutdown(socket.SHUT_WR)  # "readable" for ever, for whoever asks
        wire.expect_idle(target)


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
