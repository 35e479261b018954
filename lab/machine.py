"""Looks at this machine for `lab.budget`, `lab.fitness` and `lab doctor`. Reads only."""

import resource
import shutil
from collections.abc import Iterable
from pathlib import Path

from lab import tracked
from lab.budget import Machine
from lab.host import usable_cpus

SYSCTL = Path("/proc/sys")
DEFAULT_PORTS = 28_232  # Linux's 32768 to 60999, where the file cannot be read
DEFAULT_SOMAXCONN = 4096  # Linux 5.4
KIB = 1024
OWN_GROUP = Path("/proc/self/cgroup")


def inspect() -> Machine:
    """Return what the checks look at. What cannot be read is no limit that is known."""
    return Machine(
        cpus=len(usable_cpus()),
        nofile=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        ports=ports(),
        chromium=shutil.which("chromium") is not None,
        nr_open=_number("fs/nr_open") or resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        files=_files(),
        somaxconn=_number("net/core/somaxconn") or DEFAULT_SOMAXCONN,
        tasks=_tasks(),
        maps=_number("vm/max_map_count"),
        memory=_memory(),
        tracked=tracked.most(),
        time_waits=_number("net/ipv4/tcp_max_tw_buckets"),
    )


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return []


def _number(name: str) -> int | None:
    words = _words(SYSCTL / name)
    return int(words[0]) if words and words[0].isdecimal() else None


def ports() -> int:
    """Return the ephemeral ports of one source address to one destination."""
    try:
        low, high = map(int, _words(SYSCTL / "net/ipv4/ip_local_port_range"))
    except ValueError:
        return DEFAULT_PORTS
    return high - low + 1


def _files() -> int | None:
    """fs.file-nr: allocated, free, most; proc(5)."""
    words = _words(SYSCTL / "fs/file-nr")
    return int(words[2]) - int(words[0]) if len(words) == 3 else None


def _tasks() -> int | None:
    """The least of all limits on threads and processes, less those that run now."""
    _, own = resource.getrlimit(resource.RLIMIT_NPROC)
    limits = [
        _number("kernel/threads-max"),
        _number("kernel/pid_max"),
        None if own == resource.RLIM_INFINITY else own,
        *(int(words[0]) for words in _groups() if words and words[0].isdecimal()),
    ]
    known = [limit for limit in limits if limit is not None]
    loads = _words(Path("/proc/loadavg"))  # its fourth word is running/all tasks, proc(5)
    running = int(loads[3].partition("/")[2]) if len(loads) > 3 else 0
    return max(0, min(known) - running) if known else None


def _groups() -> Iterable[list[str]]:
    """pids.max of this process's control group and of those above it, as far as they are seen."""
    for line in _words(OWN_GROUP):
        kind, _, path = line.partition(":")[2].partition(":")
        root = Path("/sys/fs/cgroup/pids" if kind == "pids" else "/sys/fs/cgroup")
        if kind in ("", "pids"):
            here = root / path.lstrip("/")
            for folder in (here, *here.parents):
                if folder == root.parent:
                    break
                yield _words(folder / "pids.max")


def _memory() -> int | None:
    """MemAvailable, bytes; proc(5)."""
    words = _words(Path("/proc/meminfo"))
    at = words.index("MemAvailable:") if "MemAvailable:" in words else -1
    return int(words[at + 1]) * KIB if at >= 0 else None
