"""A closed descriptor leaves epoll by itself: only when no duplicate of it is left.

Looked at: a watched socket with unread data is closed while a duplicate lives: does epoll go on
reporting it, under the number that is closed? And when the duplicate is closed as well?
Control: closed without a duplicate, it is reported no more.
Source: epoll(7), "Will closing a file descriptor cause it to be removed from all epoll interest
lists?".
"""

import os
import select
import socket
from typing import NamedTuple

from lab.probes import Ruling

PARTS = "holds where no duplicate is left, not where one is"


class Seen(NamedTuple):
    reported_open: int
    reported_closed_beside_a_duplicate: int
    reported_when_both_are_closed: int
    reported_closed_without_a_duplicate: int


def observe() -> Seen:
    ours, theirs = socket.socketpair()
    theirs.send(b"x")
    with select.epoll() as poller:
        number = ours.detach()
        poller.register(number, select.EPOLLIN)
        reported = len(poller.poll(0))
        duplicate = os.dup(number)
        os.close(number)
        beside = len(poller.poll(0))
        os.close(duplicate)
        both = len(poller.poll(0))
    return Seen(reported, beside, both, _without_duplicate())


def judge(seen: Seen) -> Ruling:
    if (seen.reported_open, seen.reported_when_both_are_closed) != (1, 0):
        return Ruling(None, control=False)
    leaves = seen.reported_closed_beside_a_duplicate == 0
    alone = seen.reported_closed_without_a_duplicate == 0
    return Ruling(leaves, control=alone, parts=PARTS if alone and not leaves else "")


def _without_duplicate() -> int:
    ours, theirs = socket.socketpair()
    theirs.send(b"x")
    with select.epoll() as poller:
        poller.register(ours, select.EPOLLIN)
        ours.close()
        return len(poller.poll(0))
