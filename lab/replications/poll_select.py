"""poll() against select() where nothing is different but the set: many descriptors, or high ones.

Dense: 500 descriptors, one after the other. Sparse: four, numbered from 1000. One is ready. The
calls are the C library's, their sets and arrays made before; from each cost that of the same call
with no descriptor is taken away, so that what is left is what the set costs. `.. of Python` are
select.select() and select.poll() as they are, whose C code builds lists.
Control: each call finds the one that is ready.
CPU time of a call, the least of several rounds.
Source: ev(3), section on poll and select; Kerrisk, The Linux Programming Interface, table 63-9.
"""

import os
import resource
import select
import socket
import time
from collections.abc import Callable, Sequence

from lab.replications import Absent, Table, _calls
from lab.replications._kit import by_row, least, timed

UNIT = "us of CPU per call, less one with an empty set"
DENSE, SPARSE, HIGH = 500, 4, 1000
CALLS, ROUNDS = 300, 15
LEAST_US = 0.001  # beneath the clock, and a table has no zero


def measure() -> Table:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 < hard < HIGH + SPARSE:
        raise Absent(f"open files: {hard}; it takes {HIGH + SPARSE} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, HIGH + SPARSE), hard))
    table: Table = {}
    silent, ready, other, another = (*socket.socketpair(), *socket.socketpair())
    with silent, ready, other, another:
        another.send(b"!")
        for column, fds in (
            ("dense", [os.dup(silent.fileno()) for _ in range(DENSE)]),
            ("sparse", [os.dup2(silent.fileno(), HIGH + n) for n in range(SPARSE)]),
        ):
            os.dup2(other.fileno(), fds[len(fds) // 2])  # this one is ready
            tries = {row: _try(call, 1) for row, call in _ways(fds).items()}
            empty = {"select": _try(_calls.select(()), 0), "poll": _try(_calls.poll(()), 0)}
            found = least(ROUNDS, tries)
            for row, cost in least(ROUNDS, empty).items():
                found[row] = max(LEAST_US, found[row] - cost)
            by_row(found, column, table)
            for fd in fds:
                os.close(fd)
    return table


def _ways(fds: Sequence[int]) -> dict[str, Callable[[], int]]:
    poller = select.poll()
    for fd in fds:
        poller.register(fd, select.POLLIN)
    return {
        "select": _calls.select(fds),
        "poll": _calls.poll(fds),
        "select of Python": lambda: len(select.select(fds, (), (), 0)[0]),
        "poll of Python": lambda: len(poller.poll(0)),
    }


def _try(call: Callable[[], int], ready: int) -> Callable[[], float]:
    def several() -> None:
        for _ in range(CALLS):
            if call() != ready:
                raise RuntimeError(f"a call did not find that {ready} descriptors are ready")

    return lambda: timed(several, time.process_time_ns, 1000 * CALLS)
