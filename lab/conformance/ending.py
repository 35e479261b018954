"""The end by SIGTERM, under load."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from lab import wire
from lab.conformance.subject import Subject, end_well

CLIENTS = 20
SIZE = 32_768  # bytes that each has sent: the server's kernel has them before the signal comes


def sigterm(subject: Subject) -> None:
    """Requests that have come are answered whole; then the server ends, all of it, in 5 s."""
    spoken = subject.spoken
    question, answer = subject.payload(SIZE)
    count = min(CLIENTS, subject.at_once or CLIENTS)
    with subject.another() as target, ExitStack() as stack, ThreadPoolExecutor(1) as beside:
        clients = [stack.enter_context(wire.client(target, subject.protocol)) for _ in range(count)]
        for client in clients:
            client.sendall(spoken.question)
            wire.expect(client, spoken.answer)
        for client in clients:
            client.sendall(question)
        ended = beside.submit(end_well, target)
        for client in clients:
            wire.expect(client, answer)
        ended.result()
