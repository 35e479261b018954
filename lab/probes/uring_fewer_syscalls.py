"""io_uring needs fewer system calls for a request than epoll.

Looked at: all system calls, under strace, of a server over each, per request: with one client, and
with 32 whose questions arrive together.
Control: with one client, the blocking server, which makes two calls for a request, is seen to make
fewer than epoll.
Source: io_uring(7).
"""

from typing import NamedTuple

from lab.mechanism import Counts
from lab.probes import Ruling
from lab.probes._traced import kept

MANY, ROUNDS = 32, 20


class Seen(NamedTuple):
    requests_of_one: int
    epoll_calls_for_one: int
    io_uring_calls_for_one: int
    blocking_calls_for_one: int
    requests_of_many: int
    epoll_calls_for_many: int
    io_uring_calls_for_many: int


def observe() -> Seen:
    one = [_all(kept(server, 1, ROUNDS)) for server in ("epoll", "io-uring", "blocking")]
    many = [_all(kept(server, MANY, ROUNDS)) for server in ("epoll", "io-uring")]
    return Seen._make([ROUNDS, *one, MANY * ROUNDS, *many])


def judge(seen: Seen) -> Ruling:
    fewer_for_one = seen.io_uring_calls_for_one < seen.epoll_calls_for_one
    fewer_for_many = seen.io_uring_calls_for_many < seen.epoll_calls_for_many
    counted = seen.requests_of_one <= seen.io_uring_calls_for_one
    counted = counted and seen.requests_of_many <= seen.epoll_calls_for_many
    control = 2 * seen.requests_of_one <= seen.blocking_calls_for_one < seen.epoll_calls_for_one
    return Ruling(fewer_for_one and fewer_for_many if counted else None, control)


def _all(counts: Counts) -> int:
    return sum(counts.calls.values())
