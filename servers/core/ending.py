"""The end, the same for every model: on SIGTERM who has spoken is answered, then the process goes.

 1. The door closes: a filter on the listener drops every new client; the backlog is still served.
 2. Each connected client's receiving side is shut, tcp(7): behind the bytes that have come already
    every model finds the end of the file, answers what is owed and hangs up; silent ones go, too.
 3. When no client is left, or after GRACE, the process ends, its children before it.

So no server has a line about its end, and all of them end alike.
"""

import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from _socket import socket as Socket  # noqa: N812 not one that a library has patched
from types import FrameType
from typing import NoReturn

from servers.core import children
from servers.core.contract import refused

GRACE = 2.0  # seconds until whatever still waits for a client is left behind
TICK = 0.02  # seconds between two looks
CHILDREN = 0.5  # seconds that children have beyond that
INTERNET = {socket.AF_INET, socket.AF_INET6}
SO_ATTACH_FILTER = 26  # asm-generic/socket.h

_first = [0]  # the id of the process that reports
_deadline = [0.0]  # by the monotonic clock; 0: nobody has asked for the end


class _Instruction(ctypes.Structure):
    """struct sock_filter, linux/filter.h; all zero but for the code BPF_RET: keep no byte."""

    _fields_ = (
        ("code", ctypes.c_uint16),
        ("jt", ctypes.c_uint8),
        ("jf", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction)))


BPF_RET = 0x06
_DROP_ALL = _Program(1, ctypes.pointer(_Instruction(BPF_RET, 0, 0, 0)))


def end_on_signal() -> None:
    """Take SIGTERM and SIGINT as above, in this process and those forked from it."""
    _first[0] = os.getpid()
    signal.signal(signal.SIGTERM, _begin)
    signal.signal(signal.SIGINT, _begin)


def _begin(signum: int, _frame: FrameType | None) -> None:
    if not _deadline[0]:
        _deadline[0] = time.monotonic() + GRACE
        signal.signal(signal.SIGALRM, _look)
    children.pass_on(signum)
    _look(signum, None)


def _look(_signum: int, _frame: FrameType | None) -> None:
    left = dismiss()
    if left and time.monotonic() < _deadline[0]:
        signal.setitimer(signal.ITIMER_REAL, TICK)
    else:
        finish()


def dismiss() -> int:
    """Shut the receiving side of every connected client and close the door; how many are left."""
    left = 0
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 thousands of them: no Path for each
        try:
            held = Socket(fileno=int(name))
        except OSError:
            continue  # no socket, or closed meanwhile
        try:
            if held.family not in INTERNET or held.type != socket.SOCK_STREAM:
                continue
            if held.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                held.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(_DROP_ALL))
            else:
                held.shutdown(socket.SHUT_RD)
                left += 1
        except OSError:
            pass  # gone by itself
        finally:
            held.detach()
    return left


def finish() -> NoReturn:
    """Wait for the children, report, and leave at once: threads that still talk are not awaited."""
    children.end_all(max(0.0, _deadline[0] - time.monotonic()) + CHILDREN)
    if os.getpid() == _first[0]:
        with contextlib.suppress(OSError):  # nobody reads any more
            os.write(sys.stdout.fileno(), b'{"refused": %d}\n' % refused.take())
    os._exit(0)
