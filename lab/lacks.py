"""What a run lacks where it runs: cells that cannot be run, metrics that nobody can take. Pure.

A run keeps the reasons in one mapping, by what they are of (`RunFacts.absent`): a server
("io-uring"), a server in one protocol ("epoll over http"), a way to reach one ("network bridge"),
a metric ("metric pss"), a metric of one server ("metric cpu of epoll"), what a claim declares that
it needs ("claim replicate/tlpi-63"). What lacks something is
skipped, with the reason; it is not tried and then void.
"""

from collections.abc import Iterable, Mapping

from lab.model import Cell

NOTHING: Mapping[str, str] = {}


def speech(server: str, protocol: str) -> str:
    """Name a server in one protocol."""
    return f"{server} over {protocol}"


def network(name: str) -> str:
    """Name a way to reach a server."""
    return f"network {name}"


def metric(name: str, server: str = "") -> str:
    """Name a metric, of all servers or of one."""
    return f"metric {name} of {server}" if server else f"metric {name}"


def claim(name: str) -> str:
    """Name what a claim needs as a whole."""
    return f"claim {name}"


def of_claim(name: str, absent: Mapping[str, str]) -> str:
    """Say what keeps a claim from being decided here, and what it would take; "": nothing."""
    why = absent.get(claim(name), "")
    return f"This machine cannot decide it: {why}." if why else ""


def of_cell(cell: Cell, absent: Mapping[str, str]) -> str:
    """Say what keeps a cell from being run, in one sentence; "": nothing."""
    return _first(
        [cell.server, speech(cell.server, cell.protocol), network(cell.network)],
        absent,
        "{} cannot run here: {}.",
    )


def of_metric(name: str, servers: Iterable[str], absent: Mapping[str, str]) -> str:
    """Say why a metric cannot be taken of some server of these; "": it can."""
    wanted = [metric(name), *(metric(name, server) for server in servers)]
    return _first(wanted, absent, "The {} cannot be had here: {}.")


def _first(names: Iterable[str], absent: Mapping[str, str], sentence: str) -> str:
    found = (sentence.format(name, absent[name]) for name in names if name in absent)
    return next(found, "")
