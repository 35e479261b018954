"""Processes cannot be made without end, so one process for each client comes to a limit.

Looked at: a process that may have 64 processes forks one child after another: how many there are
when fork() fails, with what error, and whether it lives on. Root is not bound by this limit, so a
root process becomes another user first.
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

PROCESSES, CONNECTIONS = 64, 500
NOBODY = 64_064  # a user id that nobody has


class Seen(NamedTuple):
    allowed: int
    forked: int
    error: str
    parent_goes_on: bool
    held_with_epoll: int


def observe() -> Seen:
    if os.getuid() == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        except PermissionError as error:
            raise Absent("root may not become another user here") from error
    limit = _mine() + PROCESSES
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
    children: list[int] = []
    error = "none"
    try:
        while error == "none" and len(children) < 2 * PROCESSES:
            try:
                child = os.fork()
            except OSError as failure:
                error = errno.errorcode[failure.errno or 0]
                continue
            if not child:
                signal.pause()
            children.append(child)
        held = _hold()
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    goes_on = os.waitpid(_empty_child(), 0)[1] == 0
    return Seen(PROCESSES, len(children), error, goes_on, held)


def judge(seen: Seen) -> Ruling:
    stopped = seen.error == "EAGAIN" and 0 < seen.forked <= seen.allowed
    return Ruling(stopped and seen.parent_goes_on, control=seen.held_with_epoll == CONNECTIONS)


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


def _empty_child() -> int:
    child = os.fork()
    if not child:
        os._exit(0)
    return child
