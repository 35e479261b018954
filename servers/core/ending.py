"""The end, the same for every model: on SIGTERM who has spoken is answered, then the process goes.

 1. The door closes: a filter on the listener drops every new client; the backlog is still served.
 2. Each connected client's receiving side is shut, tcp(7): behind the bytes that have come already
    every model finds the end of the file, answers what is owed and hangs up; silent ones go, too.
 3. When no client is left, or after GRACE, the process ends, its children before it.

So no server has a line about its end, and all of them end alike. A thread of its own waits for the
signal, in each process: Python runs handlers in the main thread only, and whether that one wakes
for a signal depends on the model, and on luck. Until then it costs a wait that nothing ends.
"""

import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import socket
import sys
import termios
from _socket import socket as Socket  # noqa: N812 not one that a library has patched
from _thread import get_ident, start_new_thread
from collections.abc import Callable, Iterable, Iterator
from time import monotonic, sleep  # bound now: a library may patch the module later
from typing import NoReturn

from servers.core import children
from servers.core.contract import refused

GRACE = 2.0  # seconds until whatever still waits for a client is left behind
TICK = 0.02  # seconds between two looks
READ_TICKS = 10  # looks, until what has come is read; under steady load there is always more
CHILDREN = 0.5  # seconds that children have beyond that
ENDING = {signal.SIGTERM, signal.SIGINT}
INTERNET = {socket.AF_INET, socket.AF_INET6}
SO_ATTACH_FILTER = 26  # asm-generic/socket.h

_first = [0]  # the id of the process that reports
awaited: list[Callable[[], bool]] = []  # is work at hand that an end of file would undo?


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
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # threads and children inherit it
    for number in ENDING:  # for who unblocks them in the main thread, see leave_it_to_main()
        signal.signal(number, lambda *_: start_new_thread(_end, (get_ident(),)))
    signal.signal(signal.SIGURG, lambda *_: None)  # see _end(); by itself it would be ignored
    _watch()
    os.register_at_fork(after_in_child=_watch)


def leave_it_to_main() -> None:
    """For a framework that ends in its own way, by handlers in the main thread."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def _watch() -> None:
    """Start the thread, deaf to all signals: it must take none that is meant for the server."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    start_new_thread(_wait_for_the_end, (get_ident(),))
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait_for_the_end(main_thread: int) -> None:
    signal.sigwait(ENDING)
    _end(main_thread)


def _end(main_thread: int) -> NoReturn:
    """Dismiss the clients until none is left. The main thread's calls are interrupted, each time.

    A socket that is shut wakes whoever waits for it, but raises no SIGIO; EINTR makes such a server
    look. For all others it is a call that Python makes again.
    """
    deadline = monotonic() + GRACE
    if awaited:
        _let_read()
    while any(is_busy() for is_busy in awaited) and monotonic() < deadline:
        sleep(TICK)
    while dismiss() and monotonic() < deadline:
        children.tell(signal.SIGTERM)
        signal.pthread_kill(main_thread, signal.SIGURG)
        sleep(TICK)
    finish(deadline)


def _let_read() -> None:
    """What has come must have become work before anybody can wait for that; for a moment only."""
    for _ in range(READ_TICKS):
        unread = bytearray(4)
        for held in _sockets():
            with contextlib.suppress(OSError):  # it listens, or is gone
                fcntl.ioctl(held.fileno(), termios.FIONREAD, unread)
            if any(unread):
                break
        sleep(TICK)  # also when all is read: then it is being taken up
        if not any(unread):
            return


def dismiss() -> int:
    """Shut the receiving side of every connected client and close the door; how many are left."""
    left = 0
    for held in _sockets():
        with contextlib.suppress(OSError):  # gone by itself
            if held.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                held.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(_DROP_ALL))
            else:
                held.shutdown(socket.SHUT_RD)
                left += 1
    return left


def _sockets() -> Iterator[Socket]:
    """Every TCP socket in this process's table, for as long as it is looked at."""
    for descriptor in _descriptors():
        try:
            held = Socket(fileno=descriptor)
        except OSError:
            continue  # no socket, or closed meanwhile
        try:
            if held.family in INTERNET and held.type == socket.SOCK_STREAM:
                yield held
        finally:
            held.detach()


def _descriptors() -> Iterable[int]:
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 thousands
    except OSError:  # to read the list takes a descriptor, and there is none: then there are few
        return range(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def finish(deadline: float = 0.0) -> NoReturn:
    """Wait for the children, report, and leave at once: threads that still talk are not awaited."""
    children.end_all(max(0.0, deadline - monotonic()) + CHILDREN)
    if os.getpid() == _first[0]:
        with contextlib.suppress(OSError):  # nobody reads any more
            os.write(sys.stdout.fileno(), b'{"refused": %d}\n' % refused.take())
    os._exit(0)
