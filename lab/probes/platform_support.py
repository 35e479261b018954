"""Linux has select, poll and epoll; Windows has select and no epoll.

Looked at: on this machine, which of them Python offers, and that each reports a readable socket.
Windows is not here: its half of the sentence is the documentation's word.
Control: what only other systems have (kqueue, /dev/poll) is not offered here.
Source: docs.python.org, select: "Availability".
"""

import select
import socket
from typing import NamedTuple

from lab.probes import Ruling


class Seen(NamedTuple):
    select_reports: int
    poll_reports: int
    epoll_reports: int
    has_kqueue: bool
    has_devpoll: bool


def observe() -> Seen:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"x")
        by_select = len(select.select([ours], [], [], 1)[0])
        by_poll = by_epoll = 0
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(ours, select.POLLIN)
            by_poll = len(poll.poll(1000))
        if hasattr(select, "epoll"):
            with select.epoll() as epoll:
                epoll.register(ours, select.EPOLLIN)
                by_epoll = len(epoll.poll(1))
    others = hasattr(select, "kqueue"), hasattr(select, "devpoll")
    return Seen(by_select, by_poll, by_epoll, *others)


def judge(seen: Seen) -> Ruling:
    all_three = seen.select_reports == seen.poll_reports == seen.epoll_reports == 1
    return Ruling(all_three, control=not (seen.has_kqueue or seen.has_devpoll))
