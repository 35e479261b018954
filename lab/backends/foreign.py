"""What holds for foreign servers wherever they run: when one is ready, and which end is a good one.

It prints no word of readiness, so it is ready to be verified when it accepts a connection. It may
end with any exit code once it was asked to end.
"""

import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace

from lab.backends.contract import Address, Exit, StartFailed

LOOK_S = 0.01  # between two attempts to connect
CONNECT_S = 1.0  # for one of them: on loopback and to a container it is refused at once
SIGNALLED = 128  # an exit code above: ended by that signal, as shells and inits report it


def wait_until_accepting(address: Address, deadline: float, ended: Callable[[float], bool]) -> None:
    """Connect until it is accepted. Raises StartFailed in the end; nothing where it has ended.

    ended: waits for the server's end so many seconds, and says whether it has come.
    """
    end = time.monotonic() + deadline
    while True:
        try:
            socket.create_connection(address, CONNECT_S).close()
        except OSError as error:
            why = error
        else:
            return
        if ended(LOOK_S):
            return
        if time.monotonic() > end:
            host, port = address
            raise StartFailed(f"nobody listens at {host}:{port} after {deadline:g} s: {why}")


def forgiven(end: Exit) -> Exit:
    """Take an exit after SIGTERM for a good one, unless it was a crash.

    No rule says with which code a program ends that was asked to: one without a handler dies of the
    signal, others say 0, 1 or 143. Another signal is a crash, and a server that had to be killed
    has lost its account. What it has printed means something else than what ours print.
    """
    code = end.exit_code
    if code is not None and code > SIGNALLED:
        code = SIGNALLED - code
    if code is not None and (code >= 0 or code == -signal.SIGTERM):
        code = 0
    return replace(end, exit_code=code, counters={})
