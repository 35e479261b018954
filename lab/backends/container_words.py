"""What a container says: its output as it comes, what it has written, and with which code it ended.

No life cycle: nothing is begun, ended or removed here (lab.backends.docker). The engine hands both
outputs over as one stream of frames, Docker Engine API, "Attach to a container"; where it is silent
there are no words, and no exit code.
"""

import os
import re
import selectors
import signal
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lab.backends import containers
from lab.backends.containers import EngineError, explained
from lab.backends.contract import StartFailed
from lab.backends.process import ENVIRONMENT, counters
from lab.errors import EnvironmentUnfit

KILL_S = 10.0  # seconds for the engine to note a killed container's end; it needs half a one
LOG_LINES = 200  # kept of what a server wrote
SIGNALLED = 128  # an exit code above: ended by that signal, as init reports it
HEADER = struct.Struct(">BxxxI")  # of a frame in the engine's streams: which one, how long
STDOUT, STDERR = 1, 2
TAKEN = re.compile(r"port is already allocated|address already in use|port \d+ of \S+ is taken")
READ = 4096  # bytes
OUT_OF_MEMORY = (
    f"the kernel ended it: above the limit of {containers.MEMORY} of memory. Load it with fewer "
    "connections or smaller answers\n"
)


@contextmanager
def attached(container: Any) -> Iterator[Any]:
    """Listen to what a container writes from its start on, for the time of the block."""
    stream = container.attach_socket(params={"stdout": 1, "stderr": 1, "stream": 1})
    try:
        yield stream
    finally:
        answer = getattr(stream, "_response", stream)  # the SDK keeps it there and never closes it
        answer.close()  # before the stream itself, which it flushes
        stream.close()


def wait_until_listening(container: Any, stream: Any, deadline: float) -> None:
    """Read what it says until {"listening": port}. Raises StartFailed."""
    end = time.monotonic() + deadline
    data = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while b"\n" not in demultiplexed(data).get(STDOUT, b""):
            if not selector.select(max(0.0, end - time.monotonic())):
                words = written(container, stderr=True)
                raise StartFailed(f"not listening after {deadline:g} s. {words}".strip())
            piece = os.read(stream.fileno(), READ)
            if not piece:
                raise early_exit(container)
            data += piece
    said = demultiplexed(data)[STDOUT]
    if "listening" not in counters(said):
        raise StartFailed(f"unexpected output: {said!r}")


def demultiplexed(data: bytes) -> dict[int, bytes]:
    """Take the engine's stream apart: frames of stdout and stderr; the last one may be cut."""
    found: dict[int, bytes] = {}
    while len(data) >= HEADER.size:
        kind, length = HEADER.unpack_from(data)
        found[kind] = found.get(kind, b"") + data[HEADER.size : HEADER.size + length]
        data = data[HEADER.size + length :]
    return found


def early_exit(container: Any) -> StartFailed:
    code, words = outcome(container)
    lines = (written(container, stderr=True) + words).strip().splitlines()
    why = f"exit code {code}: {lines[-1] if lines else 'it said nothing'}"
    return StartFailed(why, code, port_taken=code == ENVIRONMENT and bool(TAKEN.search(why)))


def outcome(container: Any) -> tuple[int | None, str]:
    """Wait for its end: the exit code (negative: a signal), and what the kernel had to do with it.

    None: the engine does not say.
    """
    try:
        with explained():
            code = int(container.wait(timeout=KILL_S)["StatusCode"])
            container.reload()
    except (EngineError, EnvironmentUnfit):
        return None, ""
    code = SIGNALLED - code if code > SIGNALLED else code
    state: Mapping[str, Any] = container.attrs.get("State", {})
    if not state.get("OOMKilled"):
        return code, ""
    return code or -signal.SIGKILL, OUT_OF_MEMORY  # 0: it was a child of it


def written(container: Any, *, stdout: bool = False, stderr: bool = False) -> str:
    try:
        with explained():
            text: bytes = container.logs(stdout=stdout, stderr=stderr, tail=LOG_LINES)
    except (EngineError, EnvironmentUnfit):
        return ""
    return text.decode(errors="replace")
