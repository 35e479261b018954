"""Forked processes: made, waited for and ended in one place. What a child does is the server's."""

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from threading import Event
from time import monotonic, sleep  # bound now: a library may patch the module later
from types import FrameType
from typing import NoReturn

STEP = 0.005  # seconds between two looks at whether all have ended
alive: set[int] = set()  # process ids of this process's own children, not yet waited for
closing = Event()  # the end has begun: no child is made any more, and end_all() waits for them


def fork(work: Callable[[], None]) -> int:
    """Run work() in a child that ends with it; return its id. OSError: the system has no room."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # it may end at once
    try:
        pid = os.fork()
        if pid == 0:
            alive.clear()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            _run(work)
        alive.add(pid)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def reap_as_they_end() -> None:
    """Wait for children whenever some have ended: one SIGCHLD may stand for many, signal(7).

    Not by ignoring SIGCHLD: the kernel would throw their CPU time away, times(2).
    """

    def reap(_signum: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ChildProcessError):  # none left: another SIGCHLD came meanwhile
            while pid := os.waitpid(-1, os.WNOHANG)[0]:  # not one by one: there may be thousands
                alive.discard(pid)

    signal.signal(signal.SIGCHLD, reap)


def keep(works: Sequence[Callable[[], None]]) -> NoReturn:
    """Have a child at each work; one that dies is replaced."""
    at_work = {fork(work): work for work in works}
    while True:
        pid, _ = wait()
        if pid in at_work:
            work = at_work.pop(pid)
            at_work[fork(work)] = work


def wait(pid: int = -1) -> tuple[int, int]:
    """Wait for a child, any or this one; return id and status. Never, once the end has begun."""
    try:
        ended, status = os.waitpid(pid, 0)
        alive.discard(ended)
    except ChildProcessError:  # whoever ends it all was here first
        if not closing.wait(1):
            raise
    while closing.is_set():
        signal.pause()
    return ended, status


def end_all(seconds: float) -> None:
    """Tell all children to end, and wait until they have; kill who is still there after `seconds`.

    They are told again and again: one may have been made just now. Unreaped, none of the ids can be
    a stranger's.
    """
    closing.set()
    deadline = monotonic() + seconds
    while alive:
        tell(signal.SIGTERM if monotonic() < deadline else signal.SIGKILL)
        sleep(STEP)
        for pid in list(alive):
            try:
                ended = os.waitpid(pid, os.WNOHANG)[0]
            except ChildProcessError:
                ended = pid  # waited for by the main thread, a moment ago
            if ended:
                alive.discard(pid)


def tell(signum: int) -> None:
    """Send a signal to all children."""
    for pid in list(alive):
        with contextlib.suppress(ProcessLookupError):  # it is waited for, just now
            os.kill(pid, signum)


def _run(work: Callable[[], None]) -> NoReturn:
    try:
        work()
    except BaseException:  # noqa: BLE001 nothing of the parent's stack may run in the child
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)
