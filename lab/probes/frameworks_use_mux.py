"""Python's asynchronous modules multiplex: asyncio, gevent, Tornado, Twisted are Reactors.

Looked at: a server of each, with one client that says nothing: the call in which it sleeps, and
whether it holds an epoll descriptor, an io_uring one, or none.
Control: the server over io_uring, looked at in the same way, is seen to be different.
Source: the modules' own documentation; epoll_wait(2).
"""

import socket
from typing import NamedTuple

from lab.probes import Absent, Ruling
from lab.probes._kit import AWAKE, ask, asleep_in, kinds_of_descriptors, serving
from servers.needs import missing

REACTOR, PROACTOR = "epoll_wait with eventpoll", "io_uring_enter with io_uring"


class Seen(NamedTuple):
    asyncio_sleeps_in: str
    gevent_sleeps_in: str
    tornado_sleeps_in: str
    twisted_sleeps_in: str
    io_uring_sleeps_in: str


def observe() -> Seen:
    servers = ("asyncio-streams", "gevent", "tornado", "twisted", "io-uring")
    for need in ("gevent", "tornado", "twisted", "io_uring"):
        if lack := missing(need):
            raise Absent(lack)
    return Seen(*map(_look, servers))


def judge(seen: Seen) -> Ruling:
    if any(AWAKE in each for each in seen):
        return Ruling(None, control=False)
    return Ruling(set(seen[:4]) == {REACTOR}, control=seen.io_uring_sleeps_in == PROACTOR)


def _look(server: str) -> str:
    with serving(server) as target, socket.create_connection(target.address) as client:
        ask(client)
        held = kinds_of_descriptors(target.pid)
        kinds = [kind for kind in ("eventpoll", "io_uring") if held[f"anon_inode:[{kind}]"]]
        return f"{asleep_in(target.pid)} with {' and '.join(kinds) or 'neither'}"
