"""Whatever becomes of the bytes on their way: cut, glued together, none, or very many."""

import socket
from contextlib import ExitStack

from lab import wire
from lab.conformance.subject import Subject
from lab.messages import message

MIB = 1 << 20
SIZES = (0, 1, 65_535, 65_536, 65_537, MIB, 16 * MIB)  # bytes; one read holds 65,536
LARGE = 4 * MIB  # bytes, in many messages, read as they come


def byte_by_byte(subject: Subject) -> None:
    """Requests come in pieces of one byte."""
    question, answer = subject.payload(64)
    with wire.client(subject.target, subject.protocol) as client:
        for value in question:
            client.sendall(bytes([value]))
        wire.expect(client, answer)
        wire.part(client)


def split_anywhere(subject: Subject) -> int:
    """Requests, and what opens a connection, come in two pieces, split at every place in turn."""
    spoken = subject.spoken
    for place in range(1, len(spoken.hello)):
        with wire.connect(subject.target) as client:
            client.sendall(spoken.hello[:place])
            client.sendall(spoken.hello[place:] + spoken.question)
            wire.expect(client, spoken.welcome + spoken.answer)
    with wire.client(subject.target, subject.protocol) as client:
        for place in range(1, len(spoken.question)):
            client.sendall(spoken.question[:place])
            client.sendall(spoken.question[place:])
            wire.expect(client, spoken.answer)
    return max(0, len(spoken.hello) - 1) + len(spoken.question) - 1


def coalesced(subject: Subject) -> None:
    """Many requests come in one piece, glued to what opens the connection."""
    spoken = subject.spoken
    with wire.connect(subject.target) as client:
        client.sendall(spoken.hello + spoken.question * 100)
        wire.expect(client, spoken.welcome + spoken.answer * 100)
        wire.part(client)  # and not a byte more


def interleaved(subject: Subject) -> None:
    """Clients whose requests come half by half, in turns: each gets its own answer."""
    talks = [subject.payload(size) for size in (1_000, 2_000, 3_000)]
    with ExitStack() as stack:
        clients = [
            stack.enter_context(wire.client(subject.target, subject.protocol)) for _ in talks
        ]
        for client, (question, _) in zip(clients, talks, strict=True):
            client.sendall(question[: len(question) // 2])
        subject.target.verify(subject.protocol)  # meanwhile the halves are read
        for client, (question, _) in zip(reversed(clients), reversed(talks), strict=True):
            client.sendall(question[len(question) // 2 :])
        for client, (_, answer) in zip(clients, talks, strict=True):
            wire.expect(client, answer)
            wire.part(client)


def silent_client(subject: Subject) -> None:
    """A client comes, says nothing, and half-closes; another just leaves."""
    with wire.connect(subject.target) as client:
        client.shutdown(socket.SHUT_WR)
        wire.expect_end(client)
    wire.connect(subject.target).close()
    subject.target.verify(subject.protocol)


def sizes(subject: Subject) -> int:
    """Messages of no byte, one, about one read, and up to the longest that is allowed."""
    with wire.client(subject.target, subject.protocol) as client:
        for size in SIZES:
            body = wire.noise(size)
            question, answer = message(subject.protocol, body)
            wire.compare(wire.pump(client, question, len(answer)), answer)
        wire.part(client)
    return len(SIZES)


def large(subject: Subject) -> None:
    """More requests and answers than any socket buffer holds, read as they come."""
    question, answer = subject.payload(LARGE)
    with wire.client(subject.target, subject.protocol) as client:
        wire.compare(wire.pump(client, question, len(answer)), answer)
        wire.part(client)
