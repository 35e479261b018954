"""select() and poll() as the C library has them, on sets and arrays that were made before.

Python's own select() builds lists for each call, which is not what the kernel does.
"""

import ctypes
from collections.abc import Callable, Sequence

POLLIN = 1
WORD = 64  # bits
SETS = 1024  # bits of a fd_set, as select(2) has it

libc = ctypes.CDLL(None, use_errno=True)


class PollFd(ctypes.Structure):
    _fields_ = (("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short))


class TimeValue(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("microseconds", ctypes.c_long))


def poll(descriptors: Sequence[int]) -> Callable[[], int]:
    """Make a call that returns at once how many of them can be read."""
    array = (PollFd * len(descriptors))(*(PollFd(fd, POLLIN, 0) for fd in descriptors))
    size = ctypes.c_ulong(len(descriptors))
    return lambda: int(libc.poll(array, size, 0))


def select(descriptors: Sequence[int], bits: int = 0) -> Callable[[], int]:
    """Make a call that returns at once how many of them can be read.

    bits: how many the kernel is told of; 0: up to the highest. The sets are filled anew before each
    call, all 1024 bits of the three, as it changes them.
    """
    kept = (ctypes.c_uint64 * (3 * SETS // WORD))()
    for fd in descriptors:
        kept[fd // WORD] |= 1 << fd % WORD
    used = type(kept)()
    start, size = ctypes.addressof(used), ctypes.sizeof(kept) // 3
    sets = [ctypes.c_void_p(start + size * which) for which in range(3)]
    number, length = ctypes.c_int(bits or max(descriptors, default=-1) + 1), ctypes.sizeof(kept)
    now = TimeValue(0, 0)

    def call() -> int:
        ctypes.memmove(used, kept, length)
        return int(libc.select(number, *sets, ctypes.byref(now)))

    return call
