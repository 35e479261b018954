"""What several programs measure with: tries that take turns, CPUs, servers under a small load.

The load is a client in a process of its own (`_client`). Where they can be told apart, each side
has its own CPUs.
"""

import importlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from lab.probes._kit import serving
from lab.replications import Absent, Table
from servers.catalog import PROTOCOLS

if TYPE_CHECKING:
    from lab.backends.process import ProcessTarget

LOAD_S = 60.0  # until a load that does not end is given up
Clock = Callable[[], int]  # ns


class Load(NamedTuple):
    """What a client is to do. requests: in all; 0: as many as there is time for.

    rate: per second, of all connections together, by schedule; 0: closed.
    """

    connections: int
    seconds: float
    question: bytes = b"x" * 64
    protocol: str = "echo"
    requests: int = 0
    once: bool = False  # a connection for each request
    rate: float = 0.0

    def answer(self) -> bytes:
        """Return what a server must say, by the protocol itself."""
        module, _, name = PROTOCOLS[self.protocol].connection.partition(":")
        said: bytes = getattr(importlib.import_module(module), name)().receive(self.question)
        return said


class Done(NamedTuple):
    """What a load came to. p50, p99: of the response time, which counts from the schedule."""

    requests: int
    seconds: float
    p50_us: float
    p99_us: float
    service_p99_us: float
    server_us: float  # CPU time of the server for each request


def least(rounds: int, tries: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Make each try once a round, in turns; the least of each, as noise can only add."""
    found = {name: float("inf") for name in tries}
    for _ in range(rounds):
        for name, measure in tries.items():
            found[name] = min(found[name], measure())
    return found


def timed(work: Callable[[], object], clock: Clock, per: int = 1) -> float:
    """Return the nanoseconds of a call by a clock, for each of so many things it does."""
    start = clock()
    work()
    return (clock() - start) / per


def by_row(found: Mapping[str, float], column: str, table: Table) -> None:
    """Put numbers into a column of a table."""
    for row, number in found.items():
        table.setdefault(row, {})[column] = number


def cpus(wanted: int) -> list[int]:
    """Return so many CPUs of those that are ours. Raises Absent."""
    ours = sorted(os.sched_getaffinity(0))
    if len(ours) < wanted:
        raise Absent(f"{wanted} CPUs, and there are {len(ours)}")
    return ours[:wanted]


@contextmanager
def on(chosen: Collection[int]) -> Iterator[None]:
    """Stay on those CPUs, with all that is begun meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, chosen)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def served(
    server: str, protocol: str, chosen: Collection[int], workers: int = 4
) -> Iterator["ProcessTarget"]:
    """Hold a server on those CPUs."""
    with on(chosen):
        started = serving(server, protocol, workers)
        target = started.__enter__()  # begun on those CPUs; held on all of them
    try:
        yield target
    finally:
        started.__exit__(None, None, None)


def loaded(target: "ProcessTarget", load: Load, chosen: Collection[int]) -> Done:
    """Load a server from a process on those CPUs."""
    with on(chosen), client(target, load) as process:
        before = target.meter.read().cpu_ns
        said, _ = process.communicate(b"go\n", timeout=LOAD_S)
        used = target.meter.read().cpu_ns - before
    if process.returncode:
        raise RuntimeError(f"the load ended with {process.returncode}")
    found = json.loads(said)
    return Done(**found, server_us=used / 1000 / found["requests"])


def in_turns(
    servers: Mapping[str, str],
    protocol: str,
    loads: Mapping[str, Load],
    chosen: Sequence[int],
    rounds: int,
) -> Table:
    """Load servers in turns. Returns the least CPU time per request, in microseconds, by load.

    All are there all the time, on the first of two CPUs, and wait; one more round comes first, to
    warm them up. servers: by row; loads: by column.
    """
    here, there = chosen
    table: Table = {row: {} for row in servers}
    with ExitStack() as stack:
        targets = {
            row: stack.enter_context(served(server, protocol, [here]))
            for row, server in servers.items()
        }
        for number in range(rounds + 1):
            for column, load in loads.items():
                for row, target in targets.items():
                    cost = loaded(target, load, [there]).server_us
                    before = table[row].get(column, cost) if number > 1 else cost
                    table[row][column] = min(before, cost)
    return table


@contextmanager
def client(target: "ProcessTarget", load: Load) -> Iterator[subprocess.Popen[bytes]]:
    """Hold a client that is connected; it begins when it hears a line."""
    order = {
        **load._asdict(),
        "question": load.question.hex(),
        "answer": load.answer().hex(),
        "address": target.address,
    }
    del order["protocol"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.replications._client"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def cpu_ns() -> int:
    """CPU time of this process and of the children that it has waited for."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(round((one.ru_utime + one.ru_stime) * 1e9) for one in both)
