"""epoll watches as many descriptors as may be open: it has no smaller limit of its own.

Looked at: with a limit of 1500 open files, which call fails first, opening or watching, and how
many are watched then. The machine's other limits are shown: the system's file-max, which the notes
mean, the memory, and how many descriptors a user may watch. None of these is what stops us.
Control: select, under the same limit, is stopped before, by the numbers of its descriptors.
Source: epoll(7), "/proc interfaces"; getrlimit(2), RLIMIT_NOFILE.
"""

import errno
import os
import resource
import select
import socket
from pathlib import Path
from typing import NamedTuple

from lab.probes import Absent, Ruling

LIMIT = 1500  # open files: more than select can number, and quickly reached


class Seen(NamedTuple):
    limit_of_open_files: int
    opened: int
    watched: int
    first_error: str
    selected: int
    file_max: int
    user_watches: int
    memory_mib: int


def observe() -> Seen:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < LIMIT:
        raise Absent(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, hard))
    ours, theirs = socket.socketpair()
    with ours, theirs, select.epoll() as poller:
        opened, error = [ours.fileno()], "none"
        watched = selected = 0
        while error == "none":
            try:
                poller.register(opened[-1], select.EPOLLIN)
                watched += 1
                selected += _selects(opened[-1])
                opened.append(os.dup(ours.fileno()))
            except OSError as failure:
                error = errno.errorcode[failure.errno or 0]
        for descriptor in opened[1:]:
            os.close(descriptor)
    return Seen(
        LIMIT,
        len(opened),
        watched,
        error,
        selected,
        int(Path("/proc/sys/fs/file-max").read_text(encoding="ascii")),
        int(Path("/proc/sys/fs/epoll/max_user_watches").read_text(encoding="ascii")),
        os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
    )


def judge(seen: Seen) -> Ruling:
    room = min(seen.file_max, seen.user_watches, 8 * seen.memory_mib * 1024)
    all_watched = seen.watched == seen.opened <= seen.limit_of_open_files < room
    near = seen.opened > seen.limit_of_open_files - 100  # standard streams, sockets, libraries
    return Ruling(
        all_watched and near and seen.first_error == "EMFILE",
        control=0 < seen.selected < 1024 < seen.opened,
    )


def _selects(descriptor: int) -> bool:
    try:
        select.select([descriptor], [], [], 0)
    except ValueError:
        return False
    return True
