"""The machine under the lab: its facts, its CPUs, and what it did meanwhile. All reads, one spin.

Facts are printed with every report and hashed into every record: numbers of unlike machines are not
compared. Noise is sampled, not judged: `lab.gates.host` judges.
"""

import hashlib
import json
import os
import platform
import resource
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

SPIN_LOOPS = 150_000  # some 3 ms: long against a timer tick's error, short against a trial
PACE_LOOPS = 5_000  # about 0.1 ms: 20 of them take half a per cent of the server's CPU
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
LIBRARIES = ("locust", "gevent", "pydantic", "altair", "vl-convert-python")
SYSCTLS = (
    "net/core/somaxconn",
    "net/ipv4/ip_local_port_range",
    "net/ipv4/tcp_tw_reuse",
    "net/ipv4/tcp_max_syn_backlog",
    "kernel/sched_autogroup_enabled",
)


@dataclass(frozen=True)
class Placement:
    """Which CPU carries what. control: the lab itself and Locust."""

    server: int
    engine: int
    control: int

    def swapped(self) -> "Placement":
        """Server and load engine change over; with two CPUs the control goes with the engine."""
        control = self.server if self.control == self.engine else self.control
        return Placement(self.engine, self.server, control)


def placement(cpus: list[int]) -> Placement | None:
    """Choose CPUs: server and load engine apart, control on a third where there is one."""
    if len(cpus) < 2:
        return None
    return Placement(cpus[-1], cpus[-2], cpus[0])


def usable_cpus() -> list[int]:
    """Return the CPUs this process may run on, ascending."""
    return sorted(os.sched_getaffinity(0))


def nofile() -> int:
    """Raise the soft limit of open files to the hard one; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _cpu_model() -> str:
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _memory() -> str:
    fields = _read("/proc/meminfo").split()
    return f"{int(fields[1]) / 1024**2:.1f} GiB" if len(fields) > 1 else "unknown"


def _git(*words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *words],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def facts() -> dict[str, str]:
    """Return what must be equal for two runs to be compared, in words."""
    found = {
        "cpu": _cpu_model(),
        "cpus": ",".join(map(str, usable_cpus())),
        "smt": _read("/sys/devices/system/cpu/smt/active") or "unknown",
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "none",
        "memory": _memory(),
        "kernel": f"{platform.system()} {platform.release()}",
        "virtual": "yes" if " hypervisor" in _read("/proc/cpuinfo") else "no",
        "cgroup": "v2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "v1",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "open files": str(resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
    }
    for name in SYSCTLS:
        found[name.replace("/", ".")] = " ".join(_read(f"/proc/sys/{name}").split()) or "none"
    for name in LIBRARIES:
        found[name] = metadata.version(name)
    return found


def code_version() -> str:
    """Return the lab's version with the commit it stands on, "dirty" where files differ from it."""
    version = metadata.version("io-lab")
    commit = _git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return version
    return f"{version} ({commit}{', dirty' if _git('status', '--porcelain') else ''})"


def digest(found: dict[str, str]) -> str:
    """Return a short hash of the facts."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]


def spin(cpu: int) -> int:
    """Return the CPU ns that a fixed loop takes on that CPU now."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        return _loop(SPIN_LOOPS)
    finally:
        os.sched_setaffinity(0, before)


def _loop(times: int) -> int:
    """Return the CPU ns that this thread takes for so many turns of a fixed loop."""
    start = time.thread_time_ns()
    total = 0
    for i in range(times):
        total += i
    return time.thread_time_ns() - start


class Pacer(threading.Thread):
    """Runs a short fixed loop on the server's CPU, in the middle of each slice of a window.

    A core whose sibling thread is busy with somebody else's work runs at half its speed, and in a
    virtual machine no counter tells. The loop's CPU time does.
    """

    def __init__(self, cpu: int, at_ns: Sequence[int]) -> None:
        super().__init__(daemon=True, name="pacer")
        self._cpu = cpu
        self._at_ns = at_ns
        self._cancelled = threading.Event()
        self._taken: list[int] = []
        self.start()

    def run(self) -> None:
        """Take one pace at each instant."""
        os.sched_setaffinity(0, {self._cpu})  # of this thread
        for at_ns in self._at_ns:
            if self._cancelled.wait(max(0, at_ns - time.monotonic_ns()) / 1e9):
                return
            self._taken.append(_loop(PACE_LOOPS))

    def taken(self) -> list[int]:
        """Wait for the last instant; return the paces, CPU ns."""
        self.join()
        return self._taken

    def cancel(self) -> None:
        """End early."""
        self._cancelled.set()
        self.join()


@dataclass(frozen=True)
class Ticks:
    """CPU time of the machine at an instant, ns; pressure in us, -1 where the kernel has none."""

    busy_ns: int
    steal_ns: int
    pressure_us: int


def parse_ticks(stat: str, cpus: set[int]) -> tuple[int, int]:
    """Busy and stolen ns over those CPUs, from the text of /proc/stat (proc(5))."""
    busy = steal = 0
    for line in stat.splitlines():
        name, *rest = line.split()
        if not name.startswith("cpu") or name == "cpu" or int(name[3:]) not in cpus:
            continue
        user, nice, system, _idle, _iowait, irq, softirq, stolen = map(int, rest[:8])
        busy += user + nice + system + irq + softirq
        steal += stolen
    return busy * TICK_NS, steal * TICK_NS


def parse_pressure(text: str) -> int:
    """Return the total of the "some" line of /proc/pressure/cpu, us; -1 where there is none."""
    for line in text.splitlines():
        if line.startswith("some"):
            return int(line.rsplit("total=", 1)[1])
    return -1


def parse_sockstat(text: str) -> int:
    """Return the sockets in TIME_WAIT, from the text of /proc/net/sockstat; -1: it is not there."""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["TCP:"] and "tw" in words:
            return int(words[words.index("tw") + 1])
    return -1


def time_waits() -> int:
    """Return the sockets in TIME_WAIT now, in this network namespace."""
    return parse_sockstat(_read("/proc/net/sockstat"))


def ticks(cpus: set[int]) -> Ticks:
    """Read the machine's CPU counters now."""
    busy, steal = parse_ticks(_read("/proc/stat"), cpus)
    return Ticks(busy, steal, parse_pressure(_read("/proc/pressure/cpu")))
