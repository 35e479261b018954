"""With non-blocking I/O a thread watches one socket at a time only: a loop over a list does more.

Looked at: a server of one thread that asks all its sockets in turn (8.2.2, with its sockets made
non-blocking): 50 clients, connected at the same time, ask from the last to the first.
Control: of three such clients a server with one blocking thread serves none.
Source: the notes' own list loop.
"""

from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import served_at_once, serving

CLIENTS = 50
SHORT_S = 0.5


class Seen(NamedTuple):
    clients: int
    served_at_once: int
    threads_added_by_clients: int
    served_by_blocking: int


def observe() -> Seen:
    with serving("nonblocking") as target:
        served, added = served_at_once(target, CLIENTS)
    with serving("blocking") as target:
        return Seen(CLIENTS, served, added, served_at_once(target, 3, SHORT_S)[0])


def judge(seen: Seen) -> Ruling:
    if seen.threads_added_by_clients or seen.served_at_once > seen.clients:
        return Ruling(None, control=False)
    return Ruling(seen.served_at_once <= 1, control=seen.served_by_blocking == 0)
