"""How clients leave: half-closing and waiting for the rest, or by a reset at any point."""

import socket

from lab import wire
from lab.conformance.pieces import LARGE
from lab.conformance.subject import Subject

JAMMING = 10_000_000  # bytes; more than all buffers on the way of a slow reader (3 to 6 MB) hold


def half_close(subject: Subject) -> int:
    """The client ends its side after the last request: the whole answer must come, then the end."""
    sizes = (1, 4 * wire.PIECE)  # one read, and more than one
    warm, warmed = subject.payload(LARGE)
    for size in sizes:
        question, answer = subject.payload(size)
        with wire.client(subject.target, subject.protocol) as client:
            wire.compare(wire.pump(client, warm, len(warmed)), warmed)  # its buffer has grown
            with wire.paused(subject.target):
                client.sendall(question)
                client.shutdown(socket.SHUT_WR)
            wire.compare(wire.pump(client, b"", len(answer)), answer)
            wire.expect_end(client)
    return len(sizes)


def half_close_unread(subject: Subject) -> None:
    """The client ends its side having read nothing: the whole answer must come, then the end."""
    question, answer = subject.payload(JAMMING)
    with wire.client(subject.target, subject.protocol, slow=True) as client:
        sent = wire.fill(client, question)
        wire.compare(wire.pump(client, question[sent:], len(answer), half_close=True), answer)
        wire.expect_end(client)


def reset_in_backlog(subject: Subject) -> int:
    """A client has gone, by a reset, before the server got to see it."""
    said = (b"", subject.spoken.hello + subject.spoken.question)
    with wire.paused(subject.target):
        for words in said:
            client = wire.connect(subject.target)
            client.sendall(words)
            wire.reset(client)
    subject.target.verify(subject.protocol)
    return len(said)


def reset_while_read(subject: Subject) -> None:
    """A client resets the connection while the server waits for its bytes."""
    with wire.client(subject.target, subject.protocol) as client:
        client.sendall(subject.spoken.question)
        wire.expect(client, subject.spoken.answer)
        wire.reset(client)
    subject.target.verify(subject.protocol)


def reset_while_written(subject: Subject) -> None:
    """A client that does not read resets while the server has bytes left for it."""
    with wire.client(subject.target, subject.protocol, slow=True) as client:
        wire.fill(client, subject.payload(JAMMING)[0])
        wire.reset(client)
    subject.target.verify(subject.protocol)


def reset_behind_requests(subject: Subject) -> None:
    """Requests and then a reset are found in one look: reading or answering fails at any point."""
    with wire.client(subject.target, subject.protocol) as client, wire.paused(subject.target):
        client.sendall(subject.spoken.question)
        wire.reset(client)
    subject.target.verify(subject.protocol)
