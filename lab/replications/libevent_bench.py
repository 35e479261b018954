"""libevent's bench.c, by select, poll and epoll: n pairs of sockets, a of them active, w writes.

Each active pair is written to; whoever is found ready reads, and writes on to the next pair, until
w writes are done. With one active the others only cost being watched; with all active each wait
finds many, and what is scanned is used.
Control: the column with all active. CPU time per event, the least of several rounds.
Source: github.com/libevent/libevent, test/bench.c; the sockets and the chain are as there, the
numbers (n, w) are smaller, as select() goes no further than 1024.
"""

import select
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from lab.replications import Table
from lab.replications._kit import by_row, least, timed

UNIT = "us of CPU per event"
PAIRS = (40, 400)
WRITES = 400  # w; one event each
ROUNDS = 9

Ends = dict[int, tuple[socket.socket, socket.socket]]  # by descriptor: read here, write there


def measure() -> Table:
    table: Table = {}
    for pairs in PAIRS:
        with ExitStack() as stack:
            ends = [tuple(map(stack.enter_context, socket.socketpair())) for _ in range(pairs)]
            chain = {
                ends[place][0].fileno(): (ends[place][0], ends[(place + 1) % pairs][1])
                for place in range(pairs)
            }
            first = [end for _, end in ends]
            waits = _waits(list(chain))
            for active, name in ((1, "1 active"), (pairs, "all active")):
                tries = {
                    row: partial(_try, wait, chain, first[:active]) for row, wait in waits.items()
                }
                by_row(least(ROUNDS, tries), f"{pairs}, {name}", table)
    return table


def _try(wait: Callable[[], Sequence[int]], chain: Ends, first: Sequence[socket.socket]) -> float:
    return timed(lambda: _bench(wait, chain, first), time.process_time_ns, 1000 * WRITES)


def _bench(wait: Callable[[], Sequence[int]], chain: Ends, first: Sequence[socket.socket]) -> None:
    """Write to the first, and pass on what is read until all is written; then read the rest."""
    left, unread = WRITES - len(first), len(first)
    for end in first:
        end.send(b"e")
    while unread:
        for fd in wait():
            here, there = chain[fd]
            unread -= len(here.recv(1))
            if left > 0:
                there.send(b"e")
                left -= 1
                unread += 1


def _waits(fds: list[int]) -> dict[str, Callable[[], Sequence[int]]]:
    """Return what waits, by its name: each gives the descriptors that are ready."""
    poll, epoll = select.poll(), select.epoll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
        epoll.register(fd, select.EPOLLIN)
    return {
        "select": lambda: select.select(fds, (), ())[0],
        "poll": lambda: [fd for fd, _ in poll.poll()],
        "epoll": lambda: [fd for fd, _ in epoll.poll(-1, len(fds))],
    }
