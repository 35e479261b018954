"""What a container knows about itself, in one line of JSON: for who cannot see inside.

Read from the container's own /sys/fs/cgroup, version 1 or 2; what is not there is null. Outside of
a container those files tell of the whole machine, or are missing.
"""

import contextlib
import json
import os
import resource
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from servers.needs import io_uring

SHAPE = 1  # version of the line: a name may be added, none changes its meaning
CGROUP = Path("/sys/fs/cgroup")


def line(children: Mapping[str, int], cgroup: Path = CGROUP) -> bytes:
    """One reading. children: by protocol, the first process that serves it; 0: none yet.

    monotonic_ns is the host's clock, the same inside and outside. own_ns is what this process, the
    meter, has used of cpu_ns: subtract it, and no reading disturbs what is read. One costs some
    0.5 ms, and 6 µs for each descriptor held.
    """
    at = time.monotonic_ns()
    own = time.process_time_ns()  # first: it has the kernel charge this process's time to the group
    reading: dict[str, object] = {
        "shape": SHAPE,
        "monotonic_ns": at,
        "cpu_ns": _cpu_ns(cgroup),
        "own_ns": own,
        "throttled": _throttled(cgroup),
        "memory_bytes": _number(cgroup, "memory.current", "memory/memory.usage_in_bytes"),
        "pids": _number(cgroup, "pids.current", "pids/pids.current"),  # threads, too
        "nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "io_uring": can_io_uring(),
    }
    held = sockets({protocol: child for protocol, child in children.items() if child})
    reading["sockets"] = {protocol: held.get(protocol, 0) for protocol in children}
    return json.dumps(reading).encode() + b"\n"


def sockets(roots: Mapping[str, int]) -> dict[str, int]:
    """How many sockets each root process and its descendants hold; a shared one counts once.

    A listener is one, too, and so is each end of a loop's own wake-up pipe. Not from /proc/net/tcp:
    the kernel goes through the whole machine's table for it, 40 ms on a large one.
    """
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # ended meanwhile
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    owners = {root: name for name, root in roots.items()}
    held: dict[str, set[str]] = {name: set() for name in roots}
    for process in parents:
        above: int | None = process
        while above is not None and above not in owners:
            above = parents.get(above)
        if above is not None:
            held[owners[above]].update(sockets_of(process))
    return {name: len(inodes) for name, inodes in held.items()}


def sockets_of(process: int) -> Iterator[str]:
    """Yield a name for each socket in a process's table; whoever stops early pays for few only."""
    try:
        with os.scandir(f"/proc/{process}/fd") as entries:
            for entry in entries:
                try:
                    link = os.readlink(entry.path)  # noqa: PTH115 thousands of them: no Path for each
                except OSError:  # closed meanwhile
                    continue
                if link.startswith("socket:"):
                    yield link
    except OSError:  # ended meanwhile
        return


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
