"""Many clients, slow ones, and silent ones.

In a crowd all speak before any is heard; then they are heard in the order in which they came, and
leave when all have been. Where a server serves so many at once and no more (`Server.clients`) each
leaves when it has been heard: so all have a turn there, too.
"""

import socket
import time
from contextlib import ExitStack

from lab import wire
from lab.conformance.partings import JAMMING
from lab.conformance.subject import Subject

BURST = 100  # clients that come while the server looks away
MANY = 1_010  # clients at once: 1,000 and some, as limits are round numbers
SHORT = 5_000  # clients one after the other
SHORT_LEAST, SHORT_S = 1_000, 5.0  # clients; and seconds, when those have been


def burst(subject: Subject) -> None:
    """A hundred clients come and speak while the server looks away: all are there in one wake."""
    with ExitStack() as stack, wire.paused(subject.target):
        clients = _speaking(subject, stack, BURST)
        subject.target.resume()
        _hear(subject, clients)


def many(subject: Subject) -> None:
    """More than a thousand are connected, and all have spoken, before the first one hears."""
    with ExitStack() as stack:
        _hear(subject, _speaking(subject, stack, MANY))


def _speaking(subject: Subject, stack: ExitStack, count: int) -> list[wire.Client]:
    spoken = subject.spoken
    clients = [stack.enter_context(wire.connect(subject.target)) for _ in range(count)]
    for client in clients:
        client.sendall(spoken.hello + spoken.question)
    return clients


def _hear(subject: Subject, clients: list[wire.Client]) -> None:
    spoken = subject.spoken
    limited = subject.server.pool or subject.server.at_once
    for client in clients:
        wire.expect(client, spoken.welcome + spoken.answer)
        if limited:
            wire.part(client)  # and makes room
    for client in [] if limited else clients:
        wire.part(client)


def short(subject: Subject) -> None:
    """Five thousand clients, one after the other: each asks once and leaves.

    A thousand, at least, where each costs a process and this machine is slow to make one.
    """
    spoken = subject.spoken
    begin = time.monotonic()
    for number in range(SHORT):
        if number >= SHORT_LEAST and time.monotonic() - begin > SHORT_S:
            break
        with wire.connect(subject.target) as client:
            client.sendall(spoken.hello + spoken.question)
            wire.expect(client, spoken.welcome + spoken.answer)
            wire.part(client)


def slow_reader(subject: Subject) -> None:
    """A client sends all and reads nothing until nothing moves; then it wants every byte."""
    question, answer = subject.payload(JAMMING)
    with wire.client(subject.target, subject.protocol, slow=True) as client:
        sent = wire.fill(client, question)
        wire.compare(wire.pump(client, question[sent:], len(answer)), answer)


def slow_neighbour(subject: Subject) -> None:
    """While a client does not read, another is served."""
    with wire.client(subject.target, subject.protocol, slow=True) as client:
        wire.fill(client, subject.payload(JAMMING)[0])
        subject.target.verify(subject.protocol)


def idle(subject: Subject) -> None:
    """With a silent client, the server waits and uses no CPU."""
    with wire.client(subject.target, subject.protocol):
        wire.expect_idle(subject.target)


def idle_with_answers_left(subject: Subject) -> None:
    """With an answer that its client does not read, the server waits for that: no CPU either."""
    with wire.client(subject.target, subject.protocol, slow=True) as client:
        wire.fill(client, subject.payload(JAMMING)[0])
        client.shutdown(socket.SHUT_WR)  # "readable" for ever, for whoever asks
        wire.expect_idle(subject.target)
