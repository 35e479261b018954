"""What a container has used, read from outside: the kernel's own account of its control group.

Of version 1 or 2, cgroups(7), found by the id of the container's first process. CPU time is that of
every process the container ever had, ended ones included, so nothing leaves the account. It is
exact whenever a thread leaves its CPU and at most one timer tick (4 ms) old while one runs, as a
process's CPU clock is. Memory, threads, descriptors and switches are those of the processes in it,
by the same reading as for local processes. The container's init, which only waits, is not counted.

Needs the host's own files: of an engine elsewhere, or in a virtual machine of its own, there are
none, and `find` says so. Without root the memory of single processes and their descriptors cannot
be read: then memory is the whole group's, fds is -1, and sockets are those of its TCP table.
The parsers are pure functions of text.
"""

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lab.meter import Gone, footprint_of, sockets_of
from lab.proc import parse_netstat, parse_switches, read_stat
from lab.record import Footprint, MeterReading

UNIFIED = ""  # the name that version 2 has in /proc/<pid>/cgroup, where controllers stand in 1
NEEDED = ("cpuacct", "cpu", "memory")  # controllers of version 1
UNHELD = "0"  # inode of a socket that no process has: in a backlog, or in TIME_WAIT
READ_SIZE = 65_536  # bytes; more than any file read here but a long list of processes
ENDED = (FileNotFoundError, ProcessLookupError)


class OutOfReach(Exception):
    """This machine's files tell nothing of that container."""


@dataclass(frozen=True, slots=True)
class Group:
    """Where the files of one control group are; with version 2 all in one folder."""

    version: int
    cpu: Path  # cpuacct.usage, or cpu.stat
    quota: Path  # cpu.stat, of either version
    memory: Path


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU time of a group, ns. The split is tick-sampled."""

    total: int
    user: int
    system: int


def parse_membership(text: str) -> dict[str, str]:
    """Group by controller, from /proc/<pid>/cgroup: "4:cpu,cpuacct:/docker/1f" or "0::/a.scope"."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        found |= dict.fromkeys(controllers.split(","), path)
    return found


def parse_mounts(text: str) -> dict[str, tuple[Path, str]]:
    """Where each hierarchy is mounted, and which group is its root there: /proc/self/mountinfo."""
    found: dict[str, tuple[Path, str]] = {}
    for line in text.splitlines():
        mount, _, kind = line.partition(" - ")
        _, _, _, root, where, *_ = mount.split(" ")
        name, _, options = kind.split(" ", 2)
        if name == "cgroup2":
            found.setdefault(UNIFIED, (Path(where), root))
        elif name == "cgroup":
            for controller in options.split(","):
                found.setdefault(controller, (Path(where), root))
    return found


def parse_fields(text: str) -> dict[str, int]:
    """A file of names and numbers: cpu.stat, memory.stat, cpuacct.stat."""
    return {name: int(value) for name, value in (line.split() for line in text.splitlines())}


def parse_cpu(text: str) -> Cpu:
    """cpu.stat of version 2: microseconds."""
    found = parse_fields(text)
    us = (found[f"{name}_usec"] for name in ("usage", "user", "system"))
    return Cpu(*(1000 * value for value in us))


def parse_memory(used: str, stat: str) -> int:
    """Bytes in use, less file pages that the kernel would drop first: as `docker stats` has it."""
    found = parse_fields(stat)
    idle = found.get("total_inactive_file", found.get("inactive_file", 0))
    return max(0, int(used) - idle)


def parse_throttled(text: str) -> int:
    """How many periods ended with the CPU taken away, from cpu.stat; -1: it does not say."""
    return parse_fields(text).get("nr_throttled", -1)


def parse_held(text: str) -> int:
    """TCP sockets that processes hold, the listening ones too, from /proc/<pid>/net/tcp."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return sum(row[9] != UNHELD for row in rows)  # proc(5)


def locate(groups: Mapping[str, str], mounts: Mapping[str, tuple[Path, str]]) -> Group:
    """Put both together. A hybrid host has both versions: who has the controllers counts.

    Raises OutOfReach where a controller is mounted nowhere, or the group lies beyond the mount.
    """
    if all(name in groups and name in mounts for name in NEEDED):
        return Group(1, *(_folder(groups, mounts, name) for name in NEEDED))
    if UNIFIED in groups and UNIFIED in mounts:
        folder = _folder(groups, mounts, UNIFIED)
        return Group(2, folder, folder, folder)
    raise OutOfReach("no control groups are mounted")


def _folder(groups: Mapping[str, str], mounts: Mapping[str, tuple[Path, str]], name: str) -> Path:
    where, root = mounts[name]
    try:
        below = Path(groups[name]).relative_to(root)
    except ValueError as error:
        raise OutOfReach(f"{groups[name]} is not below {root}") from error
    if ".." in below.parts:
        raise OutOfReach(f"{groups[name]} is outside of this cgroup namespace")
    return where / below


def find(pid: int, container: str) -> Group:
    """Locate the group of a container by its first process. Raises OutOfReach."""
    try:
        groups = parse_membership(Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii"))
        group = locate(groups, parse_mounts(Path("/proc/self/mountinfo").read_text("utf-8")))
    except OSError as error:
        raise OutOfReach(f"process {pid}: {error.strerror}") from error
    if container not in str(group.cpu) or not group.cpu.is_dir():
        raise OutOfReach(f"process {pid} here is not the container's")
    return group


@dataclass(slots=True)
class CgroupMeter:
    """Reads a container. init: the id of its first process here. Raises Gone when it has ended."""

    init: int
    group: Group
    last: MeterReading | None = None  # the newest: the account closes with it
    _files: list[int] = field(init=False, default_factory=list)  # held open: a reading is a pread

    def __post_init__(self) -> None:
        names = ("usage", "usage_user", "usage_sys")
        paths = [self.group.cpu / f"cpuacct.{name}" for name in names]
        if self.group.version > 1:
            paths = [self.group.cpu / "cpu.stat"]
        try:
            self._files = [os.open(path, os.O_RDONLY | os.O_CLOEXEC) for path in paths]
        except OSError as error:
            raise Gone(f"the container's control group: {error.strerror}") from error

    def close(self) -> None:
        """Let go of the files; every later reading is Gone."""
        while self._files:
            os.close(self._files.pop())

    def read(self) -> MeterReading:
        """CPU counters at an instant, and how many processes there are."""
        return self._reading(len(self.members()))

    def glance(self) -> MeterReading:
        """As read(), in some 20 us, with the number of processes of the last read()."""
        return self._reading(self.last.processes if self.last else len(self.members()))

    def footprint(self) -> Footprint:
        """Slow; never in a window. What cannot be read without root: see the module."""
        pids = self.members()
        netstat = _text(Path(f"/proc/{self.init}/net/netstat"))
        try:
            found = footprint_of(pids, netstat)
        except PermissionError:
            found = self._from_outside(pids, netstat)
        return found.model_copy(
            update={"memory_bytes": self.memory(), "throttled": self.throttled()}
        )

    def fds(self) -> int:
        """Open descriptors; one shared by two processes counts twice. -1: not to be read."""
        try:
            return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.members())  # noqa: PTH208
        except PermissionError:
            return -1

    def sockets(self) -> int:
        """Sockets held, each once."""
        pids = self.members()
        try:
            return sockets_of(pids)
        except PermissionError:
            return self._tcp()

    def members(self) -> list[int]:
        """Ids of all processes that are alive in it, but the init. Raises Gone: there is none."""
        listed = {int(pid) for pid in _text(self.group.cpu / "cgroup.procs").split()}
        return sorted(pid for pid in listed - {self.init, 0} if _alive(pid))

    def memory(self) -> int:
        """Bytes of the whole group: its sockets' buffers and the kernel's own for it as well."""
        name = "memory.current" if self.group.version > 1 else "memory.usage_in_bytes"
        folder = self.group.memory
        return parse_memory(_text(folder / name), _text(folder / "memory.stat"))

    def throttled(self) -> int:
        """Periods in which a limit took the CPU away, since the start; -1: it does not say."""
        try:
            return parse_throttled((self.group.quota / "cpu.stat").read_text(encoding="ascii"))
        except OSError:
            return -1

    def _reading(self, processes: int) -> MeterReading:
        start = time.monotonic_ns()
        texts = self._counters()
        end = time.monotonic_ns()
        cpu = parse_cpu(texts[0]) if self.group.version > 1 else Cpu(*map(int, texts))
        self.last = MeterReading(
            at_ns=(start + end) // 2,
            bracket_ns=end - start,
            cpu_ns=cpu.total,
            user_ns=cpu.user,
            system_ns=cpu.system,
            children_ns=0,  # ended ones are in the account like all others
            processes=processes,
        )
        return self.last

    def _counters(self) -> list[str]:
        if not self._files:
            raise Gone("the container has been removed")
        try:
            return [os.pread(file, READ_SIZE, 0).decode("ascii") for file in self._files]
        except OSError as error:  # ENODEV: the group has been removed
            raise Gone(f"the container's control group: {error.strerror}") from error

    def _from_outside(self, pids: Iterable[int], netstat: str) -> Footprint:
        tasks = []
        for pid in pids:
            with suppress(*ENDED):
                tasks += list(Path(f"/proc/{pid}/task").iterdir())
        switches = []
        for task in tasks:
            with suppress(*ENDED):
                switches.append(parse_switches((task / "status").read_text("utf-8", "replace")))
        network = parse_netstat(netstat)
        return Footprint(
            pss_bytes=self.memory(),
            threads=len(switches),
            fds=-1,
            sockets=self._tcp(),
            voluntary=sum(voluntary for voluntary, _ in switches),
            involuntary=sum(involuntary for _, involuntary in switches),
            listen_overflows=network["ListenOverflows"],
            listen_drops=network["ListenDrops"],
        )

    def _tcp(self) -> int:
        tables = (Path(f"/proc/{self.init}/net/{name}") for name in ("tcp", "tcp6"))
        return sum(parse_held(_text(table)) for table in tables if table.exists())


def _alive(pid: int) -> bool:
    stat = read_stat(pid)
    return stat is not None and stat.state not in "ZX"


def _text(path: Path) -> str:
    """Read a file of the group or of its first process. Raises Gone: it has ended."""
    try:
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise Gone(f"the container has ended: {error.strerror}") from error
