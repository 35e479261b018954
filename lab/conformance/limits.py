"""Where a process's descriptors end: some clients are refused or wait, and nobody else suffers."""

from contextlib import ExitStack, suppress

from lab import wire
from lab.backends.contract import Target, WrongAnswer
from lab.conformance.subject import Subject, end_well

NOFILE = 128  # descriptors; enough for any of the frameworks to start with
CROWD = 200  # clients, more than that
LEAVING = 10  # of those served
CPU_NS = 60_000_000  # in wire.IDLE seconds: a fifth of one CPU


def descriptors(subject: Subject) -> None:
    """Beyond the limit clients are refused or wait, at no CPU; who leaves makes room.

    A server whose processes have a table each, or that takes no client it cannot serve, runs into
    no limit: then all are served, or wait, and that is well, too.
    """
    spoken = subject.spoken
    with subject.another(nofile=NOFILE) as target, ExitStack() as stack:
        target.verify(subject.protocol)
        clients = [stack.enter_context(wire.connect(target)) for _ in range(CROWD)]
        for client in clients:
            with suppress(ConnectionError):  # refused already
                client.sendall(spoken.hello + spoken.question)
        served, refused, waiting = wire.sort(clients, spoken.welcome + spoken.answer)
        if not served:
            raise WrongAnswer(f"of {CROWD} clients with {NOFILE} descriptors nobody is served")
        if waiting and not subject.server.spins:
            wire.expect_idle(target, CPU_NS)
        for client in served:
            client.sendall(spoken.question)
            wire.expect(client, spoken.answer)
        for client in refused + waiting:
            client.close()
        for client in served[:LEAVING]:
            wire.part(client)
        _serve_anew(target, subject.protocol)
        stack.close()
        end_well(target, silent=not subject.is_foreign)


def _serve_anew(target: Target, protocol: str) -> None:
    for _ in range(LEAVING):
        try:
            target.verify(protocol)
        except WrongAnswer as error:
            raise WrongAnswer(f"{LEAVING} have left, and yet: {error}") from error
