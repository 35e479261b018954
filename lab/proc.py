"""What is read of /proc: one process's own file, all processes of this machine, or a tree of them.

No meter: nothing is added up here, and no clock is read (lab.meter). Who has ended is no error:
there is no such process, its file is empty, its folder has no names.
The parsers are pure functions of text.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
FEW_TASKS = 16  # lists of children that cost less to read than all processes of a machine
READ_SIZE = 65536  # bytes; most files of /proc are shorter than 4 KiB
ENDED = (FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True, slots=True)
class Stat:
    """/proc/<pid>/stat, what we use of it. Times in ticks."""

    state: str
    parent: int
    session: int
    user: int
    system: int
    reaped_user: int
    reaped_system: int
    started: int  # since boot: tells a reused process id from the old one

    @property
    def reaped(self) -> int:
        return self.reaped_user + self.reaped_system


def parse_stat(text: str) -> Stat:
    """proc(5), stat. The name may hold spaces and brackets: fields count from the last bracket."""
    rest = text[text.rindex(")") + 2 :].split()
    parent, session, started = int(rest[1]), int(rest[3]), int(rest[19])
    user, system, reaped_user, reaped_system = (int(ticks) for ticks in rest[11:15])
    return Stat(rest[0], parent, session, user, system, reaped_user, reaped_system, started)


def parse_pss(text: str) -> int:
    """Bytes of proportional set size, from smaps_rollup."""
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def parse_switches(text: str) -> tuple[int, int]:
    """Voluntary and involuntary context switches, from a task's status."""
    values = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return int(values["voluntary_ctxt_switches"]), int(values["nonvoluntary_ctxt_switches"])


def parse_netstat(text: str) -> dict[str, int]:
    """TcpExt counters by name, from /proc/net/netstat: a line of names, then a line of numbers."""
    names, numbers = (line.split()[1:] for line in text.splitlines() if line.startswith("TcpExt:"))
    return dict(zip(names, map(int, numbers), strict=True))


def family(root: int, processes: dict[int, Stat]) -> tuple[set[int], set[int]]:
    """The descendants of root with root, and those of its session that are no descendants."""
    children: dict[int, list[int]] = {}
    for pid, stat in processes.items():
        children.setdefault(stat.parent, []).append(pid)
    tree: set[int] = set()
    pending = [root]
    while pending:
        pid = pending.pop()
        tree.add(pid)
        pending.extend(children.get(pid, ()))
    session = {pid for pid, stat in processes.items() if stat.session == root}
    return tree, session - tree


def read_stat(pid: int) -> Stat | None:
    """None: no such process any more."""
    text = read_file(f"/proc/{pid}/stat")
    return parse_stat(text) if text else None


def read_all() -> dict[int, Stat]:
    """Every process of this machine that we may see."""
    pids = (int(name) for name in names_in("/proc") if name.isdigit())
    return {pid: stat for pid in pids if (stat := read_stat(pid)) is not None}


def read_family(root: int, outside: Iterable[int]) -> dict[int, Stat] | None:
    """Return the tree of root by the kernel's lists of children, and what is alive of `outside`.

    None where that is not to be had: a kernel without CONFIG_PROC_CHILDREN, or so many threads,
    each with a list of its own, that a look at all processes is cheaper.
    """
    found: dict[int, Stat] = {}
    pending = [root, *outside]
    while pending:
        pid = pending.pop()
        stat = read_stat(pid)
        if stat is None or pid in found:
            continue
        found[pid] = stat
        tasks = names_in(f"/proc/{pid}/task")
        if len(tasks) > FEW_TASKS or not os.path.exists(f"/proc/{pid}/task/{pid}/children"):  # noqa: PTH110 half the time of Path.exists()
            return None
        for task in tasks:
            pending.extend(map(int, read_file(f"/proc/{pid}/task/{task}/children").split()))
    return found


def first_process(init: int) -> int:
    """Return the first process that a container's init has begun, which is what it is for."""
    try:
        listed = Path(f"/proc/{init}/task/{init}/children").read_text(encoding="ascii").split()
    except OSError:  # a kernel without CONFIG_PROC_CHILDREN, or ended
        listed = sorted(str(pid) for pid, stat in read_all().items() if stat.parent == init)
    return int(listed[0]) if listed else init


def read_file(path: str) -> str:
    """Return the text of a file of /proc; empty when the process has ended."""
    pieces = []
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            while piece := os.read(fd, READ_SIZE):
                pieces.append(piece)
        finally:
            os.close(fd)
    except ENDED:
        return ""
    return b"".join(pieces).decode(errors="replace")


def names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 half the time of iterdir()
    except ENDED:
        return []


def descriptors(home: str) -> list[str]:
    """Return what each descriptor of a process refers to."""
    return [_link(f"{home}/fd/{name}") for name in names_in(f"{home}/fd")]


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115
    except ENDED:
        return ""
