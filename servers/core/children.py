"""Forked processes: made, waited for and ended in one place. What a child does is the server's."""

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
alive: set[int] = set()  # process ids of this process's own children, not yet waited for


def fork(work: Callable[[], None]) -> int:
    """Run work() in a child that ends with it; return its id. OSError when the system has no room.

    Signals wait meanwhile: whoever is told to end knows all its children, and a child none.
    """
    waiting = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        pid = os.fork()
        if pid == 0:
            alive.clear()
            signal.pthread_sigmask(signal.SIG_SETMASK, waiting)
            _run(work)
        alive.add(pid)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, waiting)


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
        pid, _ = os.waitpid(-1, 0)
        alive.discard(pid)
        if pid in at_work:
            work = at_work.pop(pid)
            at_work[fork(work)] = work


def end_all(seconds: float) -> None:
    """Wait for all children; kill those that are still there after `seconds`."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, lambda _signum, _frame: _tell(signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    while alive:
        try:
            pid, _ = os.waitpid(-1, 0)
        except ChildProcessError:  # waited for by whoever was interrupted by the signal
            return
        alive.discard(pid)


def pass_on(signum: int) -> None:
    """Send a signal to all children. They are unreaped, so no stranger has one of the ids."""
    _tell(signum)


def _tell(signum: int) -> None:
    for pid in list(alive):
        with contextlib.suppress(ProcessLookupError):  # a SIGCHLD came between: it is waited for
            os.kill(pid, signum)


def _run(work: Callable[[], None]) -> NoReturn:
    try:
        work()
    except BaseException:  # noqa: BLE001 nothing of the parent's stack may run in the child
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)
