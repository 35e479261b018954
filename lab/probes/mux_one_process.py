"""With I/O multiplexing one process serves many clients at a time.

Looked at: servers of one process with one thread, over select, poll and epoll; 200 clients,
connected at the same time, ask from the last to the first.
Control: of three such clients a server with one blocking thread serves none.
Source: select(2), poll(2), epoll(7).
"""

from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import served_at_once, serving

CLIENTS = 200
SHORT_S = 0.5


class Seen(NamedTuple):
    clients: int
    served_by_select: int
    served_by_poll: int
    served_by_epoll: int
    threads_added_by_clients: int
    served_by_blocking: int


def observe() -> Seen:
    served, threads = [], []
    for server in ("select", "poll", "epoll"):
        with serving(server) as target:
            answered, added = served_at_once(target, CLIENTS)
            served.append(answered)
            threads.append(added)
    with serving("blocking") as target:
        blocking, _ = served_at_once(target, 3, SHORT_S)
    return Seen._make([CLIENTS, *served, max(threads), blocking])


def judge(seen: Seen) -> Ruling:
    served = {seen.served_by_select, seen.served_by_poll, seen.served_by_epoll}
    if seen.threads_added_by_clients or max(served) > seen.clients:
        return Ruling(None, control=False)
    return Ruling(served == {seen.clients} != {0}, control=seen.served_by_blocking == 0)
