"""poll() has no limit of its own on how many descriptors it watches.

Looked at: 4000 descriptors in one call, the last of which is ready; and an array that is longer
than the number of files that may be open, which is the limit that there is.
Control: select() refuses the 4000.
Source: poll(2), ERRORS: EINVAL where nfds exceeds RLIMIT_NOFILE.
"""

import ctypes
import errno
import os
import resource
import select
import socket
from typing import NamedTuple

from lab.probes import Absent, Ruling

WATCHED, ROOM = 4000, 4100


class Seen(NamedTuple):
    watched: int
    ready: int
    ready_one_is_the_last: bool
    array_beyond_the_open_files: str
    select_refused: bool


def observe() -> Seen:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < ROOM:
        raise Absent(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (ROOM, hard))
    silent, _kept = socket.socketpair()
    ours, theirs = socket.socketpair()
    theirs.send(b"x")
    numbers = [os.dup(silent.fileno()) for _ in range(WATCHED - 1)] + [ours.fileno()]
    poller = select.poll()
    for number in numbers:
        poller.register(number, select.POLLIN)
    found = poller.poll(1000)
    return Seen(
        WATCHED, len(found), found == [(numbers[-1], select.POLLIN)], _too_long(), _refused(numbers)
    )


def judge(seen: Seen) -> Ruling:
    watched = seen.watched == WATCHED and seen.ready == 1 and seen.ready_one_is_the_last
    known = seen.array_beyond_the_open_files in {"EINVAL", "accepted"}
    return Ruling(watched if known else None, control=seen.select_refused)


def _too_long() -> str:
    """Call poll() with ROOM + 1 entries, all of them -1, which means: ignore me."""
    array = (ctypes.c_ulonglong * (ROOM + 1))(*[0xFFFF_FFFF] * (ROOM + 1))
    if ctypes.CDLL(None, use_errno=True).poll(array, ctypes.c_ulong(ROOM + 1), 0) == 0:
        return "accepted"
    return errno.errorcode[ctypes.get_errno()]


def _refused(numbers: list[int]) -> bool:
    try:
        select.select(numbers, [], [], 0)
    except ValueError:
        return True
    return False
