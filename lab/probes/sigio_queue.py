"""Signals of sockets get lost: SIGIO is pending or not, a real-time signal queues, up to a limit.

Looked at: 20 sockets become readable while the signal is blocked: how many signals can be taken
then, when each socket sends SIGIO, and when each sends a real-time signal but few have room.
Control: with room for all, all 20 real-time signals are taken.
Source: fcntl(2), F_SETSIG; signal(7), "Queueing and delivery semantics for real-time signals".
"""

import fcntl
import os
import resource
import signal
import socket
from contextlib import ExitStack
from typing import NamedTuple

from lab.probes import Absent, Ruling

SOCKETS, SMALL = 20, 5
REAL_TIME = signal.SIGRTMIN + 1


class Seen(NamedTuple):
    sockets: int
    sigio_taken: int
    real_time_taken: int
    real_time_taken_from_a_small_queue: int
    sigio_taken_in_their_place: int


def observe() -> Seen:
    if not hasattr(fcntl, "F_SETSIG"):
        raise Absent("F_SETSIG is Linux's")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO, REAL_TIME})
    sigio, real_time = _taken(0), _taken(REAL_TIME)
    resource.setrlimit(resource.RLIMIT_SIGPENDING, (SMALL, SMALL))
    few = _taken(REAL_TIME)
    return Seen(
        SOCKETS,
        sigio.count(signal.SIGIO),
        real_time.count(REAL_TIME),
        few.count(REAL_TIME),
        few.count(signal.SIGIO),
    )


def judge(seen: Seen) -> Ruling:
    lost = 0 < seen.sigio_taken < seen.sockets
    full = seen.real_time_taken_from_a_small_queue < seen.sockets
    if not seen.sigio_taken or (full and not seen.sigio_taken_in_their_place):
        return Ruling(None, control=False)  # no signal at all says nothing
    return Ruling(lost and full, control=seen.real_time_taken == seen.sockets)


def _taken(number: int) -> list[int]:
    """Let all sockets become readable, then take the signals. number: 0 for SIGIO."""
    with ExitStack() as stack:
        for _ in range(SOCKETS):
            ours, theirs = map(stack.enter_context, socket.socketpair())
            fcntl.fcntl(ours, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(ours, fcntl.F_SETSIG, number)
            flags = fcntl.fcntl(ours, fcntl.F_GETFL)
            fcntl.fcntl(ours, fcntl.F_SETFL, flags | os.O_ASYNC)
            theirs.send(b"x")
        taken = []
        while info := signal.sigtimedwait({signal.SIGIO, REAL_TIME}, 0):
            taken.append(info.si_signo)
    signal.sigtimedwait({signal.SIGIO, REAL_TIME}, 0)  # closing may send one more
    return taken
