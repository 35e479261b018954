"""poll() against select() where nothing is different but the set: many descriptors, or high ones.

Dense: 500 descriptors, one after the other. Sparse: four, numbered from 1000. One is ready. The
calls are the C library's, their sets and arrays made before; `.. of Python` are select.select()
and select.poll(), which build lists. Control: both find the one that is ready. CPU time of a call,
the least of several rounds. Source: ev(3), section on poll and select; Kerrisk, The Linux
Programming Interface, section 63.2.5.
"""

import os
import resource
import select
import socket
import time
from collections.abc import Callable, Sequence

from lab.replications import Absent, Table, _calls
from lab.replications._kit import by_row, least, timed

UNIT = "us of CPU per call"
DENSE, SPARSE, HIGH = 500, 4, 1000
CALLS, ROUNDS = 300, 11


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
            tries = {row: _try(call) for row, call in _ways(fds).items()}
            by_row(least(ROUNDS, tries), column, table)
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


def _try(call: Callable[[], int]) -> Callable[[], float]:
    def several() -> None:
        for _ in range(CALLS):
            if call() != 1:
                raise RuntimeError("a call did not find the one ready descriptor")

    return lambda: timed(several, time.process_time_ns, 1000 * CALLS)
