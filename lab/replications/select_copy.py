"""What is dear in select(): that its sets are copied, or that the kernel asks each descriptor?

Sets of 64 to 1024 bits with the same few descriptors in them: all that grows is what is copied
there and back, three sets each way. And 1024 bits with ever more descriptors: all that grows is
who is asked. No descriptor is ready and the timeout is zero, so nothing waits. Both are the slope
of a line through the times, and what a call from Python costs by itself is in none of the two.
Control: more descriptors must cost more.
Source: Banga and Mogul, USENIX 1998: the scan, not the copy; select(2).
"""

import os
import resource
import socket
import time
from collections.abc import Callable, Sequence

from lab.replications import Absent, Table
from lab.replications._calls import select
from lab.replications._kit import least, timed

UNIT = "ns of CPU"
BITS = (64, 256, 512, 768, 1024)
WATCHED = (16, 128, 256, 512, 768)  # descriptors; the first 16 are below 64
CALLS, ROUNDS = 300, 15
LEAST_NS = 0.001  # a slope is told down to this: beneath the clock, and a table has no zero


def measure() -> Table:
    own, other = socket.socketpair()
    with own, other:
        watched = _copies(own, max(WATCHED))
        try:
            bits = {str(size): _try(select(watched[:16], size)) for size in BITS}
            fds = {str(size): _try(select(watched[:size], 1024)) for size in WATCHED}
            both = least(ROUNDS, {**{f"b{k}": v for k, v in bits.items()}, **fds})
        finally:
            for fd in watched:
                os.close(fd)
    by_bits = [both[f"b{size}"] for size in BITS]
    by_fds = [both[str(size)] for size in WATCHED]
    return {
        "one bit more, copied": {"slope": max(LEAST_NS, slope(BITS, by_bits))},
        "one descriptor more, asked": {"slope": max(LEAST_NS, slope(WATCHED, by_fds))},
        "call, by bits": {str(size): ns for size, ns in zip(BITS, by_bits, strict=True)},
        "call, by descriptors": {str(size): ns for size, ns in zip(WATCHED, by_fds, strict=True)},
    }


def slope(levels: Sequence[float], values: Sequence[float]) -> float:
    """Return the slope of the least-squares line."""
    middle, height = sum(levels) / len(levels), sum(values) / len(values)
    above = sum((x - middle) * (y - height) for x, y in zip(levels, values, strict=True))
    return above / sum((x - middle) ** 2 for x in levels)


def _copies(of: socket.socket, number: int) -> list[int]:
    """Return the lowest free descriptors, all of one socket: asking each is one question."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 < hard < 1024:
        raise Absent(f"open files: {hard}; it takes 1024 (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1024), hard))
    return [os.dup(of.fileno()) for _ in range(number)]


def _try(call: Callable[[], int]) -> Callable[[], float]:
    def several() -> None:
        for _ in range(CALLS):
            if call() != 0:
                raise RuntimeError("a descriptor was ready, and none should be")

    return lambda: timed(several, time.process_time_ns, CALLS)
