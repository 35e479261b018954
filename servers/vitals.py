"""What a container knows about itself, in one line of JSON: for who cannot see inside.

Read from the container's own /sys/fs/cgroup, version 1 or 2; what is not there is null. Outside of
a container those files tell of the whole machine, or are missing.
"""

import json
import os
import resource
import time
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from servers.needs import io_uring

SHAPE = 1  # version of the line: a name may be added, none changes its meaning
CGROUP, NET = Path("/sys/fs/cgroup"), Path("/proc/net")
LISTEN = "0A"  # state of a socket, net/tcp_states.h
UNHELD = "0"  # inode of a socket that no process has: in a backlog, or in TIME_WAIT


def line(ports: Mapping[str, int], cgroup: Path = CGROUP) -> bytes:
    """One reading. ports: by protocol. Counting connections costs some 5 µs for each of them.

    monotonic_ns is the host's clock, the same inside and outside. own_ns is what this process, the
    meter, has used of cpu_ns: subtract it, and no reading disturbs what is read.
    """
    reading: dict[str, object] = {
        "shape": SHAPE,
        "monotonic_ns": time.monotonic_ns(),
        "cpu_ns": _cpu_ns(cgroup),
        "own_ns": time.process_time_ns(),
        "throttled": _throttled(cgroup),
        "memory_bytes": _number(cgroup, "memory.current", "memory/memory.usage_in_bytes"),
        "pids": _number(cgroup, "pids.current", "pids/pids.current"),
        "nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "io_uring": can_io_uring(),
    }
    held = connections(ports.values())
    reading["connections"] = {protocol: held.get(port) for protocol, port in ports.items()}
    return json.dumps(reading).encode() + b"\n"


def connections(ports: Iterable[int], net: Path = NET) -> dict[int, int]:
    """How many TCP connections processes hold at each local port; empty where one cannot know."""
    tables = [net / name for name in ("tcp", "tcp6") if os.access(net / name, os.R_OK)]
    held = dict.fromkeys(ports, 0) if tables else {}
    for table in tables:
        for row in table.read_text().splitlines()[1:]:
            _, local, _, state, _, _, _, _, _, inode, *_ = row.split(maxsplit=10)  # proc(5)
            port = int(local.rpartition(":")[2], 16)
            if port in held and state != LISTEN and inode != UNHELD:
                held[port] += 1
    return held


@cache
def can_io_uring() -> bool:
    return not io_uring()


def _cpu_ns(cgroup: Path) -> int | None:
    used = _fields(cgroup / "cpu.stat").get("usage_usec")
    return _number(cgroup, "cpuacct/cpuacct.usage") if used is None else used * 1000


def _throttled(cgroup: Path) -> int | None:
    """Return how many periods have ended with the CPU taken away: a `cpus` limit was reached."""
    return (_fields(cgroup / "cpu.stat") or _fields(cgroup / "cpu/cpu.stat")).get("nr_throttled")


def _number(cgroup: Path, *names: str) -> int | None:
    for name in names:
        try:
            return int((cgroup / name).read_text())
        except (OSError, ValueError):
            continue
    return None


def _fields(path: Path) -> dict[str, int]:
    try:
        return {name: int(value) for name, value in map(str.split, path.read_text().splitlines())}
    except (OSError, ValueError):
        return {}
