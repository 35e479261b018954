"""Can the locustfiles of a plan be run? Asked in a process of its own, before anything starts.

This process imports neither locust nor gevent, and lets no code of users near it: another one loads
the file, says in one line what is wrong with it, and is killed where it does not come back.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from lab.drivers import Locustfile, placed
from lab.errors import EnvironmentUnfit, UsageError
from lab.model import Cell, Plan
from lab.wishes import Wishes

LOADING_S = 20.0  # of Python, Locust and a locustfile
CHECK = (sys.executable, "-m", "loadtests.greenlets", "--check")
ELSEWHERE = (
    "a locustfile runs in Locust as a local process. Leave --locust docker and --backend attach "
    "out, or give the arm driver: greenlets."
)


def used(plan: Plan) -> dict[str, Locustfile]:
    """Return the locustfiles of a plan, each by the place in lab.yaml that names it first."""
    found: dict[str, Locustfile] = {}
    for cell in plan.every_cell:
        if isinstance(cell.driver, Locustfile) and cell.driver not in found.values():
            found[f"experiments.{cell.experiment}, arm {cell.arm}"] = cell.driver
    return found


def files(cells: list[Cell], folder: Path) -> list[str]:
    """Return the absolute paths of all locustfiles that cells need."""
    drivers = (placed(cell.driver, folder) for cell in cells)
    return list(dict.fromkeys(d.locustfile for d in drivers if isinstance(d, Locustfile)))


def facts(plan: Plan, folder: Path) -> dict[str, str]:
    """Return what exactly is run, by hashes: the plan holds names only."""
    return {
        f"locustfile {one.locustfile}": hashlib.sha256(
            (folder / one.locustfile).read_bytes()
        ).hexdigest()[:16]
        for one in used(plan).values()
    }


def examine(plan: Plan, wishes: Wishes) -> None:
    """Load each locustfile once. Raises UsageError with one line for each that cannot be used."""
    asked = used(plan)
    if asked and (wishes.backend == "attach" or wishes.locust != "process"):
        raise UsageError("\n".join(f"{where}: {ELSEWHERE}" for where in asked))
    lines = [
        f"{wishes.lab_file}: {where}: {why}"
        for where, driver in asked.items()
        if (why := wrong(driver, wishes.lab_file.parent))
    ]
    if lines:
        raise UsageError("\n".join(lines))


def wrong(driver: Locustfile, folder: Path) -> str:
    """Say why a locustfile cannot be used; "": it can. Raises EnvironmentUnfit without Locust."""
    there = placed(driver, folder)
    assert isinstance(there, Locustfile)
    words = [word for name in driver.users for word in ("--user", name)]
    words += [word for pair in driver.options.items() for word in ("--option", *pair)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LOCUST_", "LAB_"))}
    try:
        done = subprocess.run(
            [*CHECK, there.locustfile, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LOADING_S,
            check=False,
            env=environment,
            cwd=os.sep,  # not among their files: a json.py there is none of Python's
        )
    except subprocess.TimeoutExpired:  # and killed
        return f"{driver.locustfile}: it was still loading after {LOADING_S:g} s. Has it a loop?"
    try:
        said = json.loads(done.stdout.splitlines()[-1])
        return str(said.get("error", ""))
    except (ValueError, IndexError, AttributeError):
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no last words"]
        if b"No module named 'locust'" in done.stderr:
            raise EnvironmentUnfit("Locust is not installed: pip install locust") from None
        return f"{driver.locustfile}: loading it ended everything ({done.returncode}): {last[0]}"
