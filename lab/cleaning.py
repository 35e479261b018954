"""Ends what a killed run left behind. Ours is what carries the lab's label, and nothing else.

The label, LAB_RUN=<run>@<pid> of a process and org.iolab.run of a container or a network, names the
process that owns the run. While that one lives the run goes on, and nothing of it is touched.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.backends.leftovers import Leftover, leftovers, remove
from lab.errors import EnvironmentUnfit

if TYPE_CHECKING:
    from lab.backends.containers import Left


def owner(label: str) -> int | None:
    """Return the process id in a label; None where it has none."""
    _, _, pid = label.rpartition("@")
    return int(pid) if pid.isdigit() else None


def lives(pid: int | None) -> bool:
    """Is that process a lab at work? A reused number is told by the command line."""
    if pid is None:
        return False
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(Path(word.decode(errors="replace")).name in {"lab", "lab.cli"} for word in words)


def orphans() -> list[Leftover]:
    """Return the labelled processes whose lab is no more."""
    return [one for one in leftovers() if one.run and not lives(owner(one.run))]


def orphaned_containers(client: Any) -> "list[Left]":
    """Return the runs that left containers or networks and whose lab is no more."""
    from lab.backends import containers  # noqa: PLC0415 # only where there is an engine

    return [one for one in containers.left(client) if one.run and not lives(owner(one.run))]


def engine() -> Any:
    """Return a client of the Docker engine; None: there is none here."""
    from lab.backends import containers  # noqa: PLC0415

    with suppress(EnvironmentUnfit):
        return containers.connect()
    return None


def clean() -> Iterator[str]:
    """End all orphans; yield a line for each run they were of."""
    found = orphans()
    remove(found)
    runs: dict[str, list[str]] = {}
    processes: dict[str, int] = {}
    for one in found:
        processes[one.run] = processes.get(one.run, 0) + 1
    for run, number in processes.items():
        runs.setdefault(run, []).append(f"ended {_many(number, 'process', 'es')}")
    for run, words in _clean_engine():
        runs.setdefault(run, []).append(words)
    for run, said in sorted(runs.items()):
        yield f"{run.rpartition('@')[0]}: {', '.join(said)}"
    if not runs:
        yield "nothing was left behind"


def _clean_engine() -> Iterator[tuple[str, str]]:
    from lab.backends import containers  # noqa: PLC0415

    client = engine()
    for one in orphaned_containers(client) if client else ():
        kept = containers.remove(client, one.run)
        what = [(one.containers, "container"), (one.networks, "network")]
        removed = "removed " + " and ".join(_many(n, word, "s") for n, word in what if n)
        yield one.run, "; ".join([removed if not kept else f"{removed}, but not all", *kept])


def _many(number: int, word: str, ending: str) -> str:
    return f"{number} {word}{ending if number != 1 else ''}"
