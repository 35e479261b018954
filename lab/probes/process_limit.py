"""Processes cannot be made without end, so one process for each client comes to a limit.

Looked at: a process whose user may have 64 more tries to fork 128 times: how many children there
are when fork() fails, with what error, and whether it can fork again when they have ended. Root is
not bound by this limit, so a root process becomes a user first that nobody else is.
Control: under the same limit one process holds 500 connections with epoll.
Source: getrlimit(2), RLIMIT_NPROC; fork(2), EAGAIN.
"""

import errno
import os
import resource
import select
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from lab.probes import Absent, Ruling

PROCESSES, TRIED, CONNECTIONS = 64, 128, 500
NOBODY = 1_000_000  # user ids from here on are nobody's


class Seen(NamedTuple):
    tried: int
    forked: int
    error: str
    forks_again: bool
    held_with_epoll: int


def observe() -> Seen:
    if os.getuid() == 0:
        _become(NOBODY + os.getpid())
    limit = _mine() + PROCESSES
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
    children: list[int] = []
    error = "none"
    try:
        while len(children) < TRIED:
            children.append(_sleeping_child())
    except OSError as failure:
        error = errno.errorcode[failure.errno or 0]
    held = _hold()
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    last = _sleeping_child()
    os.kill(last, signal.SIGKILL)
    return Seen(TRIED, len(children), error, os.waitpid(last, 0)[0] == last, held)


def judge(seen: Seen) -> Ruling:
    stopped = seen.error == "EAGAIN" and seen.forked < seen.tried
    control = seen.held_with_epoll == CONNECTIONS
    if seen.forked == 0:
        return Ruling(None, control)  # others of the same user took it all
    return Ruling(stopped and seen.forks_again, control)


def _become(user: int) -> None:
    try:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    except PermissionError as error:
        raise Absent("root may not become another user here") from error


def _mine() -> int:
    """Count the threads of this user: the limit is on all of them together."""
    count = 0
    for task in Path("/proc").glob("[0-9]*/task/*"):
        try:
            count += task.stat().st_uid == os.getuid()
        except OSError:
            continue  # has ended
    return count


def _hold() -> int:
    """Connect CONNECTIONS clients and let epoll find them all readable."""
    with ExitStack() as stack:
        poller = stack.enter_context(select.epoll())
        for _ in range(CONNECTIONS):
            ours, theirs = map(stack.enter_context, socket.socketpair())
            poller.register(ours, select.EPOLLIN)
            theirs.send(b"x")
        return len(poller.poll(1, CONNECTIONS))


def _sleeping_child() -> int:
    child = os.fork()
    while not child:
        signal.pause()
    return child
