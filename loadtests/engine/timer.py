"""One precise alarm clock in an epoll: a timerfd on CLOCK_MONOTONIC, set to absolute nanoseconds.

epoll_wait() itself counts in milliseconds. Registered edge-triggered, the timerfd needs no read():
each expiry is a new edge, and setting it clears the old one. Python has os.timerfd_* from 3.13 on.
"""

import ctypes
import os
import time

CLOCK_MONOTONIC = time.CLOCK_MONOTONIC
TFD_NONBLOCK, TFD_CLOEXEC = os.O_NONBLOCK, os.O_CLOEXEC  # timerfd_create(2)
TFD_TIMER_ABSTIME = 1
PR_SET_TIMERSLACK = 29  # prctl(2)
SLACK = 1000  # ns; the default of 50 us is for saving power
SECOND = 1_000_000_000
NEVER = (1 << 62) - 1  # ns: later than any due time


class Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class Itimerspec(ctypes.Structure):
    _fields_ = (("interval", Timespec), ("value", Timespec))


libc = ctypes.CDLL(None, use_errno=True)


def reduce_slack() -> None:
    """Let this thread's sleeps end on time; where the kernel refuses, they are coarser."""
    libc.prctl(PR_SET_TIMERSLACK, SLACK, 0, 0, 0)


class Timer:
    """Rings once at the time it was last set to."""

    def __init__(self) -> None:
        self.fd: int = libc.timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = Itimerspec()
        self._reference = ctypes.byref(self._spec)

    def set(self, due: int) -> None:
        """Ring at `due`, ns of CLOCK_MONOTONIC; at once if that is past; NEVER: stay silent."""
        value = self._spec.value
        value.seconds, value.nanoseconds = (0, 0) if due == NEVER else divmod(max(due, 1), SECOND)
        if libc.timerfd_settime(self.fd, TFD_TIMER_ABSTIME, self._reference, None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        os.close(self.fd)
