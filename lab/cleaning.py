"""Ends what a killed run left behind. A process is ours by its label alone: LAB_RUN=<run>@<pid>.

The label names the process that owns the run. While that one lives the run goes on, and nothing of
it is touched.
"""

from collections.abc import Iterator
from pathlib import Path

from lab.backends.process import Leftover, leftovers, remove


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


def clean() -> Iterator[str]:
    """End all orphans; yield a line for each run they were of."""
    found = orphans()
    remove(found)
    runs: dict[str, int] = {}
    for one in found:
        runs[one.run] = runs.get(one.run, 0) + 1
    for run, number in sorted(runs.items()):
        yield f"{run.rpartition('@')[0]}: ended {number} process{'es' if number > 1 else ''}"
    if not runs:
        yield "nothing was left behind"
