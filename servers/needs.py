"""Is what a server needs here? One question, asked the same way by the server, the lab and doctor.

A need is a kernel feature named below, or else the name of a Python module. Nothing is imported.
"""

import ctypes
import importlib.util
import os
from collections.abc import Callable

IO_URING_SETUP = 425  # asm-generic/unistd.h, the same on all architectures since Linux 5.1


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
    """Ask for a ring of one entry. Containers often forbid it by seccomp, since 2023 by default."""
    parameters = ctypes.create_string_buffer(120)  # struct io_uring_params
    libc = ctypes.CDLL(None, use_errno=True)
    ring = libc.syscall(IO_URING_SETUP, 1, parameters)
    if ring < 0:
        return f"io_uring_setup() says: {os.strerror(ctypes.get_errno())}"
    os.close(ring)
    return ""


FEATURES: dict[str, Callable[[], str]] = {"io_uring": io_uring}
