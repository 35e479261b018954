"""A multiplexing process is blocked too: by select(), not by a socket.

Looked at: servers over select, poll and epoll with one client that says nothing: the system call
in which their only thread sleeps.
Control: the blocking server, with such a client, sleeps in recv().
Source: select(2), poll(2), epoll_wait(2).
"""

import socket
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import AWAKE, ask, asleep_in, serving


class Seen(NamedTuple):
    select_server: str
    poll_server: str
    epoll_server: str
    blocking_server: str


def observe() -> Seen:
    return Seen(*map(_asleep, ("select", "poll", "epoll", "blocking")))


def judge(seen: Seen) -> Ruling:
    calls = (seen.select_server, seen.poll_server, seen.epoll_server)
    if AWAKE in calls:
        return Ruling(None, control=False)
    return Ruling(calls == ("select", "poll", "epoll_wait"), control=seen.blocking_server == "recv")


def _asleep(server: str) -> str:
    with serving(server) as target, socket.create_connection(target.address) as client:
        ask(client)  # so it has been accepted
        return asleep_in(target.pid)
