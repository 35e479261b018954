"""Looks at this machine for `lab.fitness` and `lab doctor`. Reads only."""

import resource
import shutil
from pathlib import Path

from lab.fitness import Machine
from lab.host import usable_cpus

PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
DEFAULT_PORTS = 28_232  # Linux's 32768 to 60999, where the file cannot be read


def inspect() -> Machine:
    """Return what the checks look at."""
    return Machine(
        cpus=len(usable_cpus()),
        nofile=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        ports=_ports(),
        chromium=shutil.which("chromium") is not None,
    )


def _ports() -> int:
    try:
        low, high = map(int, PORT_RANGE.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return DEFAULT_PORTS
    return high - low + 1
