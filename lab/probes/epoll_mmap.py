"""epoll uses mmap, and so avoids copying: it does not.

Looked at: mmap() of an epoll descriptor; whether any mapping of this process is epoll's; and
epoll_wait() itself, with a buffer of ours that is wiped before each call: what stands in it
afterwards, the kernel has copied there.
Control: a file in memory can be mapped, and is seen among the mappings.
Source: epoll_wait(2); fs/eventpoll.c has no mmap operation and writes events by copying.
"""

import ctypes
import errno
import mmap
import os
import select
import socket
import struct
from pathlib import Path
from typing import NamedTuple

from lab.probes import Ruling

WAITS = 1000
EVENT_SIZE = 16  # bytes, the most that a struct epoll_event takes on any machine


class Seen(NamedTuple):
    mmap_of_epoll: str
    mappings_of_epoll: int
    waits: int
    waits_that_wrote_into_our_buffer: int
    mmap_of_memory_file: str
    mappings_of_memory_file: int


def observe() -> Seen:
    ours, theirs = socket.socketpair()
    with ours, theirs, select.epoll() as poller:
        poller.register(ours, select.EPOLLIN)
        theirs.send(b"x")  # ready from now on
        written = sum(_writes(poller.fileno(), ours.fileno()) for _ in range(WAITS))
        of_epoll, kept = _map(poller.fileno())
        memory = os.memfd_create("control")
        os.ftruncate(memory, mmap.PAGESIZE)
        of_file, kept_too = _map(memory)
        maps = Path("/proc/self/maps").read_text(encoding="utf-8")
        del kept, kept_too
    counts = maps.count("eventpoll"), maps.count("memfd:control")
    return Seen(of_epoll, counts[0], WAITS, written, of_file, counts[1])


def judge(seen: Seen) -> Ruling:
    mapped = seen.mmap_of_epoll == "mapped" and seen.mappings_of_epoll > 0
    copied = seen.mmap_of_epoll == "ENODEV" and seen.mappings_of_epoll == 0
    if copied:
        copied = 0 < seen.waits == seen.waits_that_wrote_into_our_buffer
    control = seen.mmap_of_memory_file == "mapped" and seen.mappings_of_memory_file == 1
    return Ruling(mapped if mapped or copied else None, control)


def _map(descriptor: int) -> tuple[str, mmap.mmap | None]:
    try:
        return "mapped", mmap.mmap(descriptor, mmap.PAGESIZE)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "no number"), None


def _writes(poller: int, watched: int) -> bool:
    """Call epoll_wait() with a wiped buffer: do the event and the descriptor stand there then?"""
    buffer = ctypes.create_string_buffer(EVENT_SIZE)
    ready = ctypes.CDLL(None).epoll_wait(poller, buffer, 1, 1000)
    return ready == 1 and struct.pack("=I", watched) in buffer.raw
