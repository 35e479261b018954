"""What the paths of the HTTP protocol do: nothing, an answer of a size, work, or a wait.

A clock is read here, and it is work's own: the CPU time of the thread that does it. A path that is
none, or has a number that is none or past its limit, is not there: 404, and the talk goes on.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

READ = (b"GET", b"HEAD")
BYTES_LIMIT = 16 << 20  # bytes; as large as the largest body
WAIT_LIMIT = 10  # seconds of CPU or of sleep; more would hide the server from its own health check


@dataclass(frozen=True, slots=True)
class Path:
    """What a path does: perform(number, body) gives the content of the answer."""

    perform: Callable[[int, bytearray], bytes | bytearray]
    limit: int  # the largest number
    methods: tuple[bytes, ...] = READ
    elsewhere: bool = False  # a server that can does it apart from its loop


def echo(_number: int, body: bytearray) -> bytearray:
    return body.upper()


def send(number: int, _body: bytearray) -> bytes:
    return b"x" * number


def burn(number: int, _body: bytearray) -> bytes:
    """Use the CPU for so many microseconds of this thread's own time, whoever else runs."""
    end = time.thread_time_ns() + number * 1000
    while time.thread_time_ns() < end:
        pass
    return b"done"


def sleep(number: int, _body: bytearray) -> bytes:
    """Wait for so many milliseconds as a library would that knows nothing of the server."""
    time.sleep(number / 1000)
    return b"done"


def nothing(_number: int, _body: bytearray) -> bytes:
    return b""


ECHO = Path(echo, 0, (*READ, b"POST"))
EVERYTHING = Path(nothing, 0, (b"OPTIONS",))  # OPTIONS *: are you there? RFC 9110, section 9.3.7
NUMBERED = {
    b"bytes": Path(send, BYTES_LIMIT),  # N: the size of the answer
    b"cpu": Path(burn, WAIT_LIMIT * 1_000_000),  # microseconds
    b"block": Path(sleep, WAIT_LIMIT * 1000),  # milliseconds
    b"offload": Path(sleep, WAIT_LIMIT * 1000, elsewhere=True),  # milliseconds
}
WITH_NUMBER = re.compile(rb"/([a-z]+)/(\d{1,8})")


def find(path: bytes) -> tuple[Path | None, int]:
    """Return what is at a path, and the number in it; None: nothing is."""
    if path == b"/echo":
        return ECHO, 0
    if path == b"*":
        return EVERYTHING, 0
    parts = WITH_NUMBER.fullmatch(path)
    found = NUMBERED.get(parts[1]) if parts else None
    if not parts or not found or int(parts[2]) > found.limit:
        return None, 0
    return found, int(parts[2])
