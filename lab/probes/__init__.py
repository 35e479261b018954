"""Probes: short programs that look at one fact each, and say what they saw.

A probe is a module with two functions. `observe()` runs in a fresh process and returns evidence,
strings by name; it draws no conclusion. `judge(evidence)` is pure: it returns what the evidence
says of the sentence (True, False, or None where it says nothing), and whether the negative control
behaved as declared. The lab runs a probe three times; only three equal answers decide.
"""

import importlib
import re
from typing import Protocol

Evidence = dict[str, str]
NAME = re.compile(r"[a-z][a-z0-9-]*")


class Probe(Protocol):
    """The contract of a probe's module."""

    def observe(self) -> Evidence:
        """Look, in this very process, which nobody else uses."""

    def judge(self, evidence: Evidence) -> tuple[bool | None, bool]:
        """Return (what it says of the sentence, the control behaved)."""


def find(name: str) -> Probe:
    """Import the probe of that name ("select-1024"). Raises KeyError for an unknown one."""
    if not NAME.fullmatch(name):
        raise KeyError(name)
    module = f"lab.probes.{name.replace('-', '_')}"
    try:
        probe: Probe = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module:
            raise KeyError(name) from error
        raise
    return probe
