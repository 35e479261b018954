"""Programs that measure a table in one process: published ones, run again, and small ones of ours.

A program is a module with two things. `UNIT` is the unit of its numbers. `measure()` runs in a
fresh process and returns rows of numbers by column; it draws no conclusion. What the table must
look like stands in the claim (`shape:`), as data. Where something is missing it raises `Absent`,
and the claim is skipped. `told()`, if there is one, says what a reader must know beside them.

Rules. Times are the least of several tries where noise can only add (Chen & Revels 2016); each
repeat of the program is one table, and the repeats must agree. Nothing else of the lab runs beside
it. Modules that begin with _ are no programs. See docs/method.md, Replications.
"""

import importlib
import re
from typing import Protocol

from lab.probes import Absent

__all__ = ["Absent", "Program", "Table", "find"]

Table = dict[str, dict[str, float]]  # row -> column -> number
NAME = re.compile(r"[a-z][a-z0-9-]*")


class Program(Protocol):
    """The contract of a program's module."""

    UNIT: str

    def measure(self) -> Table:
        """Measure, in this very process, which nobody else uses. Raises Absent."""


def find(name: str) -> Program:
    """Import the program of that name ("tlpi-63"). Raises KeyError for an unknown one."""
    if not NAME.fullmatch(name):
        raise KeyError(name)
    module = f"lab.replications.{name.replace('-', '_')}"
    try:
        program: Program = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module:
            raise KeyError(name) from error
        raise
    return program
