"""Is what a server needs here? One question, asked the same way by the server, the lab and doctor.

A need is a kernel feature named below, or else the name of a Python module. Nothing is imported.
"""

import ctypes
import importlib.util
import os
import struct
from collections.abc import Callable

IO_URING_SETUP = 425  # asm-generic/unistd.h, the same on all architectures since Linux 5.1
RING_FLAGS = 1 << 12 | 1 << 13  # IORING_SETUP_SINGLE_ISSUER, _DEFER_TASKRUN


def missing(need: str) -> str:
    """Why it cannot be had here; empty: it can."""
    if not need:
        return ""
    if need in FEATURES:
        return FEATURES[need]()
    if importlib.util.find_spec(need) is None:
        return f"the Python module {need} is not installed"
    return ""


def io_uring() -> str:
    """Ask for a ring of one entry, of the kind that core/ring.py makes: Linux 6.1 and later.

    Containers often forbid it by seccomp; Docker's own profile does since Engine 25.
    """
    parameters = ctypes.create_string_buffer(struct.pack("=3I", 0, 0, RING_FLAGS), 120)
    libc = ctypes.CDLL(None, use_errno=True)
    ring = libc.syscall(IO_URING_SETUP, 1, parameters)
    if ring < 0:
        return f"io_uring_setup() says: {os.strerror(ctypes.get_errno())}"
    os.close(ring)
    return ""


FEATURES: dict[str, Callable[[], str]] = {"io_uring": io_uring}
