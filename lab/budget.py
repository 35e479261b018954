"""What a plan takes of this machine, and what there is: ports, descriptors, tasks, memory. Pure.

A resource that runs out in mid-run looks like a slow or a refusing server. So the dearest cell is
held against the limits before anything starts; what cannot be is refused, with the numbers and with
what would make it possible. Needs are upper bounds (`lab.turnover`): every port that waits in
TIME_WAIT counts for its whole minute, though Linux gives those of loopback back after a second
(net.ipv4.tcp_tw_reuse). Where the lines stand in lab.yaml is `lab.places`' part.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lab import turnover
from lab.forecast import trial_seconds
from lab.model import Cell, ClassLoad, ClassName, Plan
from loadtests.engine import sources

SPARE = 64  # descriptors of a server, or of a load engine, beside its connections
PORTS_SHARE = 0.8  # of the ephemeral ports; more slows connect() (docs/method.md)
TIME_WAIT_S = 60  # Linux: fixed (net/ipv4/tcp.h, TCP_TIMEWAIT_LEN)
TRACKED_S = 120  # nf_conntrack_tcp_timeout_time_wait
ATTEMPTS = 3  # at a void trial, all of them to the same port of the server (lab.engine)
BACKLOG = 1024  # connections; of every server, clipped by net.core.somaxconn
TASKS = {"threads": 1, "processes": 1}  # threads or processes of a server per client
MAPS = {"threads": 2}  # memory maps of one process per client: a stack and its guard page
KIB, MIB = 1024, 1024**2
SERVER_BYTES = {"threads": 21 * KIB, "processes": 1080 * KIB}  # per client, docs/models.md
OTHERS_BYTES = 16 * KIB  # of the dearest of the others
ENGINE_BYTES = 1 * KIB  # the goal of bench.scale, which finds less
KERNEL_BYTES = 10 * KIB  # two sockets and what belongs to them, outside of all processes
By = tuple[ClassName, str]


@dataclass(frozen=True)
class Machine:
    """The limits. ports: ephemeral ones per source and destination. None: no limit is known."""

    cpus: int
    nofile: int  # hard limit of open files of one process
    ports: int
    chromium: bool = False
    nr_open: int = 1_048_576  # how far nofile may be raised
    files: int | None = None  # open files of the whole machine that are left
    somaxconn: int = 4096
    tasks: int | None = None  # threads and processes that may still be started
    maps: int | None = None  # memory maps of one process
    memory: int | None = None  # bytes available
    tracked: int | None = None  # connections that the kernel can follow
    time_waits: int | None = None  # sockets in TIME_WAIT before the kernel forgets some early


@dataclass(frozen=True)
class Line:
    """One resource, and the cell that takes the most of it. by: the class and its key, at fault.

    fatal: what does not fit cannot be run. Else `mend` says what happens.
    """

    what: str
    need: int
    have: int
    cell: str
    by: By
    mend: str
    fatal: bool = True

    @property
    def ok(self) -> bool:
        return self.need <= self.have

    @property
    def share(self) -> float:
        return self.need / max(1, self.have)


@dataclass(frozen=True)
class Place:
    """Where the load comes from. engines: load engines. local: is the target on this loopback?"""

    engines: int = 1
    local: Callable[[Cell], bool] = lambda _cell: True


def lines(cell: Cell, machine: Machine, place: Place) -> Iterator[Line]:
    """Hold one cell against the machine: a line for each resource that it takes any of."""
    yield _ports(cell, machine, place)
    yield from _files(cell, machine, place)
    yield from _tasks(cell, machine)
    yield from _memory(cell, machine)
    yield from _kernel(cell, machine, place)


def dearest(cells: Iterable[Cell], machine: Machine, place: Place) -> list[Line]:
    """Return a line per resource: that of the cell which takes the largest share of it."""
    worst: dict[str, Line] = {}
    for cell in cells:
        for line in lines(cell, machine, place):
            if line.what not in worst or line.share > worst[line.what].share:
                worst[line.what] = line
    return list(worst.values())


def refused(cells: Iterable[Cell], machine: Machine, place: Place) -> list[Line]:
    """Return what cannot be: of each experiment and resource, the cell that lacks the most."""
    of: dict[str, list[Cell]] = {}
    for cell in cells:
        of.setdefault(cell.experiment, []).append(cell)
    found = (line for members in of.values() for line in dearest(members, machine, place))
    return [line for line in found if line.fatal and not line.ok]


def waiting(plan: Plan, machine: Machine, place: Place) -> list[Line]:
    """Return what trials leave to those behind them: waited for in the run, never refused."""
    by: By = ("short", "rate")
    found = []
    if machine.time_waits is not None:
        need = turnover.crowd(plan, lambda c: turnover.waits(c, place.engines), TIME_WAIT_S)
        mend = "Above it the kernel forgets some of them early, which harms no trial."
        found.append(("TIME_WAIT, in a minute", need, machine.time_waits, mend))
    if machine.tracked is not None:
        need = turnover.crowd(plan, lambda c: turnover.tracked(c, place.engines), TRACKED_S)
        mend = "The run waits before a trial until there is room."
        found.append(("tracked, in two minutes", need, machine.tracked, mend))
    return [Line(w, need, have, "", by, mend, fatal=False) for w, need, have, mend in found]


def _most(cell: Cell, of: Callable[[ClassName, ClassLoad], float]) -> By:
    """Find the class that takes the most, and the key of lab.yaml that makes it so."""
    name = max(cell.load, key=lambda name: of(name, cell.load[name]))
    load = cell.load[name]
    return name, "rate" if load.rate and of(name, load) > load.connections else "connections"


def _held(cell: Cell) -> By:
    return _most(cell, lambda _, load: load.connections)


def _ports(cell: Cell, machine: Machine, place: Place) -> Line:
    """Ports of the source address that gives the most of them, to one port of the server."""
    repeats = min(ATTEMPTS, max(1.0, TIME_WAIT_S / trial_seconds(cell)))
    duration, engines = min(turnover.seconds(cell), TIME_WAIT_S), place.engines
    local = place.local(cell)

    def taken(name: ClassName, load: ClassLoad) -> int:
        """Ports that a class takes of each of its addresses."""
        waits = turnover.left(name, load, duration, engines)
        own = own_sources(name, load, engines) if local else 0
        return -(-(load.connections + int(waits * repeats)) // max(1, own * engines))

    shares = {
        name: local and own_sources(name, load, engines) > 0 for name, load in cell.load.items()
    }
    together = sum(taken(name, load) for name, load in cell.load.items() if not shares[name])
    alone = max((taken(n, load) for n, load in cell.load.items() if shares[n]), default=0)
    guilty = {n: x for n, x in cell.load.items() if shares[n] is (alone > together)}
    by = _most(cell.model_copy(update={"load": guilty}), taken)
    mend = (
        "Write a lower rate, a shorter window or fewer connections; or run more load engines, "
        "each with source addresses of its own (--workers)"
        if local
        else "Off loopback there is one source address. Write a lower rate or a shorter window"
    )
    return Line(
        "ports of a source address",
        max(alone, together),
        int(machine.ports * PORTS_SHARE),
        cell.id,
        by,
        f"{mend}; or widen the range (sysctl net.ipv4.ip_local_port_range='1024 65535').",
    )


def own_sources(name: ClassName, load: ClassLoad, engines: int) -> int:
    """Return how many source addresses of its own a class has in each engine, on loopback."""
    return sources.how_many(name, -(-load.connections // engines), again=load.requests > 0)


def _files(cell: Cell, machine: Machine, place: Place) -> Iterator[Line]:
    """Descriptors of the server, of a load engine, and of the machine."""
    held = turnover.held(cell)
    more = cell.load["short"].connections if "short" in cell.load else 0  # a closing one may
    server = held + more + SPARE  # overlap its successor
    engine = -(-held // place.engines) + SPARE
    limit = f"the hard limit (ulimit -Hn {{}}; fs.nr_open lets it go to {machine.nr_open})"
    mend = f"Raise {limit.format(server)}, or write fewer connections."
    yield Line("open files of the server", server, machine.nofile, cell.id, _held(cell), mend)
    split = -(-held // max(1, machine.nofile - SPARE))
    mend = f"Spread them over more load engines (--workers {split}), or raise "
    mend += f"{limit.format(engine)}."
    yield Line("open files of a load engine", engine, machine.nofile, cell.id, _held(cell), mend)
    if machine.files is not None:
        both = server + held + SPARE * place.engines
        mend = "Raise it (sysctl fs.file-max), or write fewer connections."
        yield Line("open files of the machine", both, machine.files, cell.id, _held(cell), mend)


def _tasks(cell: Cell, machine: Machine) -> Iterator[Line]:
    """Threads or processes, where a server has one for each client."""
    held, by = turnover.held(cell), _held(cell)
    if machine.tasks is not None and cell.server in TASKS:
        mend = "Write fewer connections; or raise the least of kernel.threads-max, "
        mend += "kernel.pid_max, ulimit -u and pids.max of the control group."
        need = held * TASKS[cell.server]
        yield Line("threads and processes", need, machine.tasks, cell.id, by, mend)
    if machine.maps is not None and cell.server in MAPS:
        need = held * MAPS[cell.server]
        mend = "Write fewer connections, or raise it (sysctl vm.max_map_count)."
        yield Line("memory maps of the server", need, machine.maps, cell.id, by, mend)


def _memory(cell: Cell, machine: Machine) -> Iterator[Line]:
    if machine.memory is None:
        return
    each = SERVER_BYTES.get(cell.server, OTHERS_BYTES) + ENGINE_BYTES + KERNEL_BYTES
    need = -(-turnover.held(cell) * each // MIB)
    mend = "Write fewer connections, or give the machine more memory."
    yield Line("MiB of memory", need, machine.memory // MIB, cell.id, _held(cell), mend)


def _kernel(cell: Cell, machine: Machine, place: Place) -> Iterator[Line]:
    """The kernel's tables: connections that wait for accept(), connections that are tracked."""
    if "storm" in cell.load:
        need, have = cell.load["storm"].connections, min(BACKLOG, machine.somaxconn)
        mend = "The kernel drops what does not fit; it comes again after a second, and the gate "
        mend += "accept-drops voids the trial."
        yield Line("backlog", need, have, cell.id, ("storm", "connections"), mend, fatal=False)
    if machine.tracked is not None:
        need = turnover.tracked(cell, place.engines)
        by = _most(
            cell,
            lambda n, x: (
                x.connections + turnover.opened(n, x, turnover.seconds(cell), place.engines)
            ),
        )
        mend = "Raise it (sysctl net.netfilter.nf_conntrack_max), or write a lower rate."
        yield Line("tracked connections", need, machine.tracked, cell.id, by, mend)
