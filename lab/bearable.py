"""Whether an arm can be given a load at all, whatever machine it runs on. Pure.

Facts about servers come from `servers.catalog`; what this machine lacks is `lab.budget`'s part.
"""

from collections.abc import Mapping

from lab.cells import connections
from lab.model import ClassName
from lab.schema import Experiment
from loadtests.engine.classes import FLEETING
from servers.catalog import Server

SPARE_DESCRIPTORS = 24  # a server's other files: standard streams, listener, epoll, interpreter's
MOST_WORKERS = 64  # as in lab.schema.Arm
MOST_PUBLISHED = 200  # through docker-proxy: far below its end, docs/attach.md
MOST_CONNECTIONS = 1_000_000  # Linux's fs.nr_open is 1048576; what fits here: lab.budget


def impossible(experiment: Experiment, arm: str, factors: dict[str, int], server: Server) -> str:
    """Say why an arm cannot be given this load; "" where it can."""
    counts = connections(experiment, arm, factors)
    total = sum(counts.values())
    limit = server.descriptors_below - SPARE_DESCRIPTORS
    asking = experiment.load_of(arm).asking()
    if not any(counts[name] for name in asking or counts):
        return "nobody would ask anything. Write a level of 1 or more."
    for load in asking.values():
        for key in ("rate", "payload", "requests", "piece"):
            value = getattr(load, key, None)
            if isinstance(value, str) and not factors[value[1:]]:
                return f"{value[1:]} cannot be 0 here. Write a level of 1 or more."
    if server.descriptors_below and total >= limit:
        wall = f"descriptors below {server.descriptors_below}, some of them its own"
        return f"{arm} cannot hold {total} connections: {wall}. Stay below {limit} in all."
    if problem := _starving(experiment, arm, counts, server):
        return problem
    return _crowding(experiment, arm, total)


def _crowding(experiment: Experiment, arm: str, total: int) -> str:
    """Say what so many connections are too many for, whatever serves them; "": for nothing."""
    if total > MOST_CONNECTIONS:
        most = f"one process can have. Stay below {MOST_CONNECTIONS}."
        return f"{total} connections are more open files than {most}"
    if experiment.arms[arm].network == "published" and total > MOST_PUBLISHED:
        return (
            f"{arm} is reached through the engine's proxy, which gives up and stays away at some "
            f"thousands of connections. Write {MOST_PUBLISHED} in all at most, not {total}."
        )
    return ""


def _starving(
    experiment: Experiment, arm: str, counts: Mapping[ClassName, int], server: Server
) -> str:
    """Say who would wait for ever: held connections keep a server that takes one after the other
    from all who come behind them; those that end, and be it for the next one, make room.
    """
    workers = experiment.arms[arm].workers
    at_once = server.clients(workers)
    classes = experiment.load_of(arm).classes()
    ending = FLEETING | {"churn"} | {n for n in classes if getattr(classes[n], "requests", None)}
    held = sum(count for name, count in counts.items() if name not in ending)
    late = [name for name in counts if name in FLEETING and counts[name]]
    room = 1 if late else 0
    if not at_once or held + room <= at_once:
        return ""
    grows = server.pool and held + room <= MOST_WORKERS
    more = f", or workers: {held + room}" if grows else ""
    serves = f"{arm} serves {at_once} at a time"
    if held > at_once:
        return (
            f"{serves}. Write {at_once} in all, not {held}{more}: the others would wait for ever."
        )
    last = " and ".join(late)
    mend = f"Write {last} alone{more}."
    return f"{serves}, and others hold all of that: {last} would wait for ever. {mend}"
