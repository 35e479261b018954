"""What several probes look with: sockets, servers, sleeping threads, system calls. No verdicts."""

import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from lab.probes import Absent
from servers.needs import missing

if TYPE_CHECKING:
    from lab.backends.process import ProcessTarget

ANSWER_S = 5.0  # for an answer that must come
SILENCE_S = 1.0  # without an answer: none comes
SETTLED = 20  # looks, a millisecond apart, that find a thread in the same call
STRACE_S = 20.0
AWAKE = "awake"  # came to rest in no system call

# arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h
CALLS = {
    "x86_64": {
        7: "poll",
        23: "select",
        43: "accept",
        44: "sendto",
        45: "recvfrom",
        128: "rt_sigtimedwait",
        232: "epoll_wait",
        270: "pselect6",
        271: "ppoll",
        281: "epoll_pwait",
        288: "accept4",
        426: "io_uring_enter",
        441: "epoll_pwait2",
    },
    "aarch64": {
        22: "epoll_pwait",
        72: "pselect6",
        73: "ppoll",
        137: "rt_sigtimedwait",
        202: "accept",
        206: "sendto",
        207: "recvfrom",
        242: "accept4",
        426: "io_uring_enter",
        441: "epoll_pwait2",
    },
}
# one name for the calls that glibc chooses among
FAMILY = {
    "pselect6": "select",
    "ppoll": "poll",
    "epoll_pwait": "epoll_wait",
    "epoll_pwait2": "epoll_wait",
    "accept4": "accept",
    "recvfrom": "recv",
    "sendto": "send",
}


def seconds(call: Callable[..., object], *arguments: object) -> float:
    """Return how long a call takes."""
    start = time.monotonic()
    call(*arguments)
    return time.monotonic() - start


def until(true: Callable[[], bool], within: float = ANSWER_S) -> bool:
    """Wait until something is true, looking each millisecond; False: it did not become so."""
    end = time.monotonic() + within
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


@contextmanager
def tcp_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Hold both ends of a TCP connection: (client, accepted)."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
    ):
        accepted, _ = listener.accept()
        with accepted:
            yield client, accepted


@contextmanager
def serving(server: str, protocol: str = "echo", workers: int = 4) -> Iterator["ProcessTarget"]:
    """Hold one of the lab's servers in a process of its own."""
    from lab.backends.contract import StartOptions  # half a second, which most probes do not need
    from lab.backends.process import ProcessBackend

    options = StartOptions(workers=workers, label=os.environ.get("LAB_RUN", ""))
    with ProcessBackend().start(server, protocol, options) as target:
        yield target


@contextmanager
def program(name: str, *arguments: str) -> Iterator[tuple[str, int]]:
    """Hold a program of the notes (`_programs/`) in a process of its own; it prints its port."""
    command = [sys.executable, "-m", f"lab.probes._programs.{name}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield "127.0.0.1", int(process.stdout.readline())
        finally:
            process.kill()


def ask(client: socket.socket, within: float = ANSWER_S) -> bool:
    """Say something to an echo server; is the right answer there in time?"""
    client.settimeout(within)
    with suppress(TimeoutError, ConnectionError):
        client.sendall(b"anyone?")
        return client.recv(64) == b"ANYONE?"
    return False


def served_at_once(
    target: "ProcessTarget", clients: int, within: float = ANSWER_S
) -> tuple[int, int]:
    """Connect so many clients, then ask from the last to the first. Returns (answered, threads).

    The first that gets no answer in time ends the asking; all connections stay open until then.
    threads: that the server has more than before; the one that awaits its end it always has.
    """
    before, served = threads_of(target.pid), 0
    with ExitStack() as stack:
        crowd = [
            stack.enter_context(socket.create_connection(target.address, ANSWER_S))
            for _ in range(clients)
        ]
        for client in reversed(crowd):
            if not ask(client, within):
                break
            served += 1
        return served, max(0, threads_of(target.pid) - before)


Stretch = tuple[int, int]  # ns of the monotonic clock
INTERRUPTED_NS = 20_000  # a longer gap between two looks at the clock: others had the core


def busy_stretches(window_s: float) -> list[Stretch]:
    """Compute for so long. Returns the stretches of time in which this thread really ran."""
    stretches: list[Stretch] = []
    start = last = time.monotonic_ns()
    end = start + int(window_s * 1e9)
    while last < end:
        now = time.monotonic_ns()
        if now - last > INTERRUPTED_NS:
            stretches.append((start, last))
            start = now
        last = now
    return [*stretches, (start, last)]


def overlap_s(some: Sequence[Stretch], others: Sequence[Stretch]) -> float:
    """Return for how long both ran at the same moment."""
    both = (
        min(end, other_end) - max(start, other_start)
        for start, end in some
        for other_start, other_end in others
    )
    return sum(each for each in both if each > 0) / 1e9


def like(took: float, shorter: float, longer: float) -> bool | None:
    """Is a time that of the shorter way (True) or that of the longer (False)? None: in between."""
    if 0.95 * shorter <= took < (shorter + longer) / 2:
        return True
    return False if 0.95 * longer <= took < 2 * longer else None


def threads_of(process: int) -> int:
    """Count the threads that a process has now."""
    return sum(1 for _ in Path(f"/proc/{process}/task").iterdir())


def processor_s(thread: Thread) -> float:
    """Return the CPU time that a running thread has used."""
    assert thread.ident is not None
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))


def state(thread: Thread) -> str:
    """Return a thread's state in the kernel: R runs or could, S sleeps. proc(5)."""
    stat = Path(f"/proc/self/task/{thread.native_id}/stat").read_text(encoding="ascii")
    return stat.rpartition(")")[2].split()[0]


def asleep_in(process: int, task: int | None = None, within: float = ANSWER_S) -> str:
    """Return the system call that a thread (the first, unless named) has come to rest in."""
    path = Path(f"/proc/{process}/task/{task or process}/syscall")
    if platform.machine() not in CALLS:
        raise Absent(f"the names of system calls on {platform.machine()} are not known here")
    names, end, seen = CALLS[platform.machine()], time.monotonic() + within, [""]
    while time.monotonic() < end and not (len(seen) == SETTLED and seen[0]):
        try:
            number = path.read_text(encoding="ascii").split()[0]
        except OSError as error:
            raise Absent(f"{path} cannot be read: {error.strerror}") from error
        name = names.get(int(number), number) if number.isdecimal() else ""
        seen = [*seen, name][-SETTLED:] if name == seen[0] else [name]
        time.sleep(0.001)
    return FAMILY.get(seen[0], seen[0]) or AWAKE


def kinds_of_descriptors(process: int) -> Counter[str]:
    """Count what a process has open, by kind: socket, anon_inode:[eventpoll], ..."""
    kinds: Counter[str] = Counter()
    for entry in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):
            kinds[re.sub(r":\[\d+\]$", "", str(entry.readlink()))] += 1
    return kinds


def system_calls(code: str, needs: Sequence[str] = ()) -> Counter[str]:
    """Run Python code under strace; count the calls of all its threads between two marks.

    A mark is a call of `os.getppid()`, which Python itself never makes.
    """
    if shutil.which("strace") is None:
        raise Absent("strace is not installed")
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        trace = Path(folder, "trace")
        command = ["strace", "-f", "-qq", "-s0", "-o", str(trace), sys.executable, "-c", code]
        done = subprocess.run(
            [*command, *needs], capture_output=True, text=True, timeout=STRACE_S, check=False
        )
        if done.returncode:
            raise Absent(f"strace: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
        lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    names = [found[1] for line in lines if (found := re.match(r"\d+ +(\w+)\(", line))]
    first = names.index("getppid")
    return Counter(names[first + 1 : names.index("getppid", first + 1)])


def eat_play(how: str, eat_s: float, play_s: float) -> tuple[str, float]:
    """Run the notes' two coroutines. Returns (what they printed, the seconds they measured)."""
    if lack := missing("gevent"):
        raise Absent(lack)
    command = [sys.executable, "-m", "lab.probes._programs.eat_play", how, str(eat_s), str(play_s)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    lines = said.splitlines()
    return lines[0], float(lines[1])
