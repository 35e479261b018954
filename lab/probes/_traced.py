"""A server's system calls under a few clients of our own, by strace. No verdicts, no times."""

import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from lab.backends.contract import StartFailed, StartOptions
from lab.mechanism import Counts
from lab.probes import Absent
from lab.probes._kit import ANSWER_S, ask
from lab.tracing import TracedBackend, obstacle
from servers.catalog import SERVERS
from servers.needs import missing

END_S = 0.05  # for the server to see that the last client has left


def kept(server: str, clients: int, rounds: int) -> Counts:
    """Count the calls for clients that stay, from before they connect until they have left.

    In each round all of them ask, then all read their answer.
    """
    return _traced(server, [clients], rounds)


def short(server: str, clients: int) -> Counts:
    """Count the calls for clients that come one after the other, ask once and leave."""
    return _traced(server, [1] * clients, 1)


def _traced(server: str, crowds: list[int], rounds: int) -> Counts:
    if lack := obstacle() or missing(SERVERS[server].needs):
        raise Absent(lack)
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        backend = TracedBackend(Path(folder, "trace"))
        try:
            with backend.start(server, "echo", StartOptions()) as target:
                start_ns = time.monotonic_ns()
                for clients in crowds:
                    _talk(target.address, clients, rounds)
                time.sleep(END_S)
                end_ns = time.monotonic_ns()
        except StartFailed as failure:
            raise Absent(str(failure)) from failure
        finally:
            backend.finish()
        return backend.counts(start_ns, end_ns, time.time_ns() - time.monotonic_ns())


def _talk(address: tuple[str, int], clients: int, rounds: int) -> None:
    with ExitStack() as stack:
        crowd = [
            stack.enter_context(socket.create_connection(address, ANSWER_S)) for _ in range(clients)
        ]
        for _ in range(rounds):
            for client in crowd[1:]:
                client.sendall(b"ready?")
            if not ask(crowd[0]):
                raise Absent("the traced server gave no right answer")
            for client in crowd[1:]:
                client.recv(64)
