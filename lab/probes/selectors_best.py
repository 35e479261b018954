"""The module selectors chooses what fits the platform best: on Linux, epoll.

Looked at: which class DefaultSelector is, which others there would be, and in which call a server
that was written for DefaultSelector sleeps.
Control: a SelectSelector, chosen by hand, sleeps in select().
Source: docs.python.org, selectors.DefaultSelector.
"""

import os
import selectors
import socket
from threading import Thread
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import AWAKE, asleep_in, serving


class Seen(NamedTuple):
    system: str
    default: str
    others: str
    server_asleep_in: str
    chosen_by_hand_asleep_in: str


def observe() -> Seen:
    names = ("KqueueSelector", "EpollSelector", "DevpollSelector", "PollSelector", "SelectSelector")
    default = selectors.DefaultSelector.__name__
    others = [name for name in names if hasattr(selectors, name) and name != default]
    with serving("selectors") as target:
        asleep = asleep_in(target.pid)
    ours, theirs = socket.socketpair()
    with selectors.SelectSelector() as selector:
        selector.register(ours, selectors.EVENT_READ)
        thread = Thread(target=selector.select)
        thread.start()
        by_hand = asleep_in(os.getpid(), thread.native_id)
        theirs.send(b"x")
        thread.join()
    return Seen(os.uname().sysname, default, ", ".join(others), asleep, by_hand)


def judge(seen: Seen) -> Ruling:
    if seen.server_asleep_in == AWAKE or seen.system != "Linux":
        return Ruling(None, control=False)
    best = (seen.default, seen.server_asleep_in) == ("EpollSelector", "epoll_wait")
    choice = {"PollSelector", "SelectSelector"} <= set(seen.others.split(", "))
    return Ruling(best and choice, control=seen.chosen_by_hand_asleep_in == "select")
