"""The kernel's table of tracked connections: Docker has it follow every one, those on loopback too.

An entry outlives its connection by two minutes (nf_conntrack_tcp_timeout_time_wait). Once the
table is full, packets of new connections are dropped and nobody is told but the kernel's log: every
server then seems to hang. So who makes thousands of short connections looks first.
"""

import time
from pathlib import Path

FOLDER = Path("/proc/sys/net/netfilter")
STEP_S = 0.5
WAIT_S = 150.0  # an entry is forgotten after 120


def most(folder: Path = FOLDER) -> int | None:
    """How many connections can be tracked at once; None: nothing is tracked here."""
    try:
        return int((folder / "nf_conntrack_max").read_text())
    except (OSError, ValueError):
        return None


def room(folder: Path = FOLDER) -> int | None:
    """How many connections more can be tracked; None: nothing is tracked here, so any number."""
    try:
        most = int((folder / "nf_conntrack_max").read_text())
        return max(0, most - int((folder / "nf_conntrack_count").read_text()))
    except (OSError, ValueError):
        return None


def wait_for_room(connections: int, folder: Path = FOLDER, seconds: float = WAIT_S) -> bool:
    """Wait until so many more fit; False: they do not, even now."""
    deadline = time.monotonic() + seconds
    while (left := room(folder)) is not None and left < connections:
        if time.monotonic() >= deadline:
            return False
        time.sleep(STEP_S)
    return True
