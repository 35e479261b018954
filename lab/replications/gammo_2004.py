"""select, poll and epoll with ever more idle connections, while others come, ask once, and go.

Replies of one byte, one request for each connection, at a fixed rate. CPU time of the server per
request, the least of two rounds in which the servers take turns. The published curves: alike
without idle connections, then select and poll fan out; being edge-triggered helps slightly; and
changes by epoll_ctl() take a large part of epoll's time. So there is an epoll server that makes
two changes for each request.
Control: the column without idle connections, and the one-client answer, checked byte by byte.
Columns: idle connections. Source: Gammo, Brecht, Shukla and Pariag, Ottawa Linux Symposium 2004.
"""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from lab.replications import Absent, Table
from lab.replications._kit import Load, cpus, loaded, served

if TYPE_CHECKING:
    from lab.backends.process import ProcessTarget

UNIT = "us of CPU per request"
ROWS = {
    "select": "select",
    "poll": "poll",
    "epoll": "epoll",
    "epoll, edge": "epoll-edge",
    "epoll, two changes": "lab.replications._epoll_two_changes",
}
IDLE = (0, 900)
ROUNDS = 2
SPARE = 50  # descriptors
LOAD = Load(1, 0.15, b"x", once=True, rate=2000)


def measure() -> Table:
    here, there = cpus(2)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 < hard < IDLE[-1] + SPARE:
        raise Absent(f"open files: {hard}; it takes {IDLE[-1] + SPARE} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, IDLE[-1] + SPARE), hard))
    table: Table = {}
    with ExitStack() as stack:
        targets = {
            row: stack.enter_context(served(server, "echo", [here])) for row, server in ROWS.items()
        }
        for number in range(ROUNDS + 1):  # the first warms up
            for idle in IDLE:
                for row, target in targets.items():
                    with _held(target, idle):
                        done = loaded(target, LOAD, [there])
                    cells = table.setdefault(row, {})
                    before = cells.get(str(idle), done.server_us) if number > 1 else done.server_us
                    cells[str(idle)] = min(before, done.server_us)
    return table


@contextmanager
def _held(target: "ProcessTarget", idle: int) -> Iterator[None]:
    """Hold so many connections that say nothing."""
    with ExitStack() as stack:
        for _ in range(idle):
            stack.enter_context(socket.create_connection(target.address, 10))
        yield
