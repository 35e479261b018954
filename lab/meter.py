"""What a server has used, read from outside: CPU time, memory, threads, descriptors.

Three readings, for they cost differently. `glance()` takes the CPU clocks of the tree, for the
edges of a window; `read()` searches the whole machine for what belongs to it; `footprint()` walks
memory maps and tasks too: before or after a window, not in it.

CPU time is the sum over the live processes of the tree of each one's process clock, which keeps the
time of exited threads, and of the time of the children each has reaped. Not seen: children nobody
waits for (SIGCHLD ignored, times(2)), and processes that left the tree, once they have ended; while
they live in the server's session they are counted. What is read for it is in lab.proc.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lab.proc import (
    TICK_NS,
    Stat,
    descriptors,
    family,
    names_in,
    parse_netstat,
    parse_pss,
    parse_switches,
    read_all,
    read_family,
    read_file,
    read_stat,
)
from lab.record import Footprint, MeterReading

BRACKET_NS = 1_000_000  # a reading that took longer has no sharp instant
ATTEMPTS = 5  # readings until the children stop coming and going under our hands


class Gone(Exception):
    """The process has ended: there is nothing left to read."""


def cpu_clock_ns(pid: int) -> int | None:
    """CPU time of a whole process, exited threads included. None: gone. clock_getcpuclockid(3)"""
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        return None


@dataclass(slots=True)
class ProcessMeter:
    """Reads a process by its id, with everything that came of it. Raises Gone when it has ended."""

    pid: int
    _started: int = field(init=False, default=0)
    _escaped: frozenset[int] = field(init=False, default=frozenset())  # at the last full look

    def __post_init__(self) -> None:
        stat = read_stat(self.pid)
        if stat is None:
            raise Gone(f"process {self.pid} has ended")
        self._started = stat.started

    def read(self) -> MeterReading:
        """Take the CPU clocks between two looks at what was reaped, until both looks agree.

        Exact for live processes, ± 2 ticks per process for what it has reaped.
        """
        return self._reading(self._members)

    def glance(self) -> MeterReading:
        """Like read(), in some 50 us instead of a millisecond: for the edges of a window.

        It follows the kernel's lists of children. A process that has left the tree counts from
        the next full look on: read() or footprint().
        """
        return self._reading(self._near_members)

    def _reading(self, members: Callable[[], dict[int, Stat]]) -> MeterReading:
        attempts = 0
        while True:
            attempts += 1
            stats = members()
            start = time.monotonic_ns()
            clocks = {pid: cpu_clock_ns(pid) for pid in stats}
            end = time.monotonic_ns()
            after = {pid: read_stat(pid) for pid in stats}
            sharp = end - start <= BRACKET_NS and _unchanged(stats, clocks, after)
            if sharp or attempts == ATTEMPTS:
                break
        live = sum(
            (stat.user + stat.system) * TICK_NS if (clock := clocks[pid]) is None else clock
            for pid, stat in stats.items()
        )
        reaped = sum(stat.reaped for stat in stats.values()) * TICK_NS
        return MeterReading(
            at_ns=(start + end) // 2,
            bracket_ns=end - start,
            cpu_ns=live + reaped,
            user_ns=sum(stat.user + stat.reaped_user for stat in stats.values()) * TICK_NS,
            system_ns=sum(stat.system + stat.reaped_system for stat in stats.values()) * TICK_NS,
            children_ns=reaped,
            processes=len(stats),
        )

    def footprint(self) -> Footprint:
        """Slow, milliseconds and more, and it holds the memory map's lock: never in a window."""
        return footprint_of(self._members(), self._read_own("net/netstat"))

    def fds(self) -> int:
        """Open descriptors of the whole tree; one shared by two processes counts twice."""
        return sum(len(names_in(f"/proc/{pid}/fd")) for pid in self._members())

    def sockets(self) -> int:
        """Sockets held by the tree; one shared by several processes counts once."""
        return sockets_of(self._members())

    def _near_members(self) -> dict[int, Stat]:
        """Look at the tree alone, and at those that an earlier full look found outside of it."""
        found = read_family(self.pid, self._escaped)
        if found is None:
            return self._members()
        self._alive(found.get(self.pid))
        return found

    def _members(self) -> dict[int, Stat]:
        """Look at all processes of the machine: a millisecond."""
        processes = read_all()
        self._alive(processes.get(self.pid))
        tree, escaped = family(self.pid, processes)
        self._escaped = frozenset(escaped)
        return {pid: processes[pid] for pid in tree | escaped}

    def _alive(self, stat: Stat | None) -> Stat:
        if stat is None or stat.state in "ZX" or stat.started != self._started:
            raise Gone(f"process {self.pid} has ended")
        return stat

    def _read_own(self, name: str) -> str:
        text = read_file(f"/proc/{self.pid}/{name}")
        if not text:
            raise Gone(f"process {self.pid} has ended")
        return text


def footprint_of(pids: Iterable[int], netstat: str) -> Footprint:
    """Add up what these processes hold; netstat: /proc/net/netstat of their network namespace.

    Raises PermissionError where they are another user's.
    """
    homes = [f"/proc/{pid}" for pid in pids]
    links = [link for home in homes for link in descriptors(home)]
    switches = [
        parse_switches(text)
        for home in homes
        for name in names_in(f"{home}/task")
        if (text := read_file(f"{home}/task/{name}/status"))
    ]
    network = parse_netstat(netstat)
    return Footprint(
        pss_bytes=sum(parse_pss(read_file(f"{home}/smaps_rollup")) for home in homes),
        threads=len(switches),
        fds=len(links),
        sockets=_sockets(links),
        voluntary=sum(voluntary for voluntary, _ in switches),
        involuntary=sum(involuntary for _, involuntary in switches),
        listen_overflows=network["ListenOverflows"],
        listen_drops=network["ListenDrops"],
    )


def sockets_of(pids: Iterable[int]) -> int:
    """Sockets held by these processes, each once. Raises PermissionError."""
    return _sockets(link for pid in pids for link in descriptors(f"/proc/{pid}"))


def _unchanged(
    before: dict[int, Stat], clocks: dict[int, int | None], after: dict[int, Stat | None]
) -> bool:
    return None not in clocks.values() and all(
        (later := after[pid]) is not None and later.reaped == stat.reaped
        for pid, stat in before.items()
    )


def _sockets(links: Iterable[str]) -> int:
    return sum(link.startswith("socket:") for link in set(links))
