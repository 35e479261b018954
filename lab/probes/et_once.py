"""Edge-triggered epoll tells once: who does not act is not told again.

Looked at: 2 KiB come, 1 KiB is read. Does epoll_wait() report the rest within half a second? And
does it report when more comes?
Control: level-triggered, it reports the rest at once.
Source: epoll(7), "Level-triggered and edge-triggered".
"""

import select
import socket
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import tcp_pair, until

KIB = 1024
WAIT_S = 0.5


class Seen(NamedTuple):
    edge_told_of_the_first_bytes: int
    edge_told_of_the_rest: int
    edge_told_of_more: int
    level_told_of_the_first_bytes: int
    level_told_of_the_rest: int


def observe() -> Seen:
    edge = _told(select.EPOLLIN | select.EPOLLET)
    return Seen(*edge, *_told(select.EPOLLIN)[:2])


def judge(seen: Seen) -> Ruling:
    level = (seen.level_told_of_the_first_bytes, seen.level_told_of_the_rest)
    if (seen.edge_told_of_the_first_bytes, seen.edge_told_of_more) != (1, 1):
        return Ruling(None, control=False)  # it was not watched at all
    return Ruling(seen.edge_told_of_the_rest == 0, control=level == (1, 1))


def _told(events: int) -> tuple[int, int, int]:
    """Count events: of the first bytes, of what was left unread, of more bytes."""
    with tcp_pair() as (client, accepted), select.epoll() as poller:
        client.sendall(bytes(2 * KIB))
        until(lambda: len(accepted.recv(2 * KIB, socket.MSG_PEEK)) == 2 * KIB)
        poller.register(accepted, events)
        first = len(poller.poll(1))
        accepted.recv(KIB)
        rest = len(poller.poll(WAIT_S))
        client.sendall(b"more")
        return first, rest, len(poller.poll(1))
