"""epoll is told each descriptor once, when it is registered, not again with each wait.

Looked at: the calls of epoll_ctl(), under strace, of a level- and an edge-triggered server: for
four clients that ask 25 times each, and for 40 that ask once and leave, whose descriptors are also
taken out again.
Control: the select server hands its whole set over with each wait.
Source: epoll_ctl(2). A server that watches for "writable" only when it must makes one more call
for that.
"""

from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._traced import kept, short

CLIENTS, ROUNDS, SHORT = 4, 25, 40
OWN = 2  # descriptors of the server itself: its listener


class Seen(NamedTuple):
    kept_connections: int
    requests_of_each: int
    level_ctl_for_kept: int
    edge_ctl_for_kept: int
    short_connections: int
    level_ctl_for_short: int
    edge_ctl_for_short: int
    select_descriptors_handed_for_kept: int


def observe() -> Seen:
    kept_ctl = [_ctl(kept(server, CLIENTS, ROUNDS).calls) for server in ("epoll", "epoll-edge")]
    short_ctl = [_ctl(short(server, SHORT).calls) for server in ("epoll", "epoll-edge")]
    handed = kept("select", CLIENTS, ROUNDS).handed
    return Seen._make([CLIENTS, ROUNDS, *kept_ctl, SHORT, *short_ctl, handed])


def judge(seen: Seen) -> Ruling:
    both = (seen.level_ctl_for_kept, seen.edge_ctl_for_kept)
    once = all(seen.kept_connections <= ctl <= 2 * seen.kept_connections + OWN for ctl in both)
    both = (seen.level_ctl_for_short, seen.edge_ctl_for_short)
    each = all(seen.short_connections <= ctl <= 2 * seen.short_connections + OWN for ctl in both)
    requests = seen.kept_connections * seen.requests_of_each
    return Ruling(once and each, control=seen.select_descriptors_handed_for_kept >= requests > 8)


def _ctl(calls: dict[str, int]) -> int:
    return calls.get("epoll_ctl", 0)
