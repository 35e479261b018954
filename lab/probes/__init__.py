"""Probes: short programs that look at one fact each, and say what they saw.

A probe is a module with three things. `Seen` names the evidence and its types. `observe()` runs in
a fresh process and returns a Seen; it draws no conclusion. `judge(seen)` is pure: it says whether
the sentence holds by that evidence (None: it cannot tell), and whether the negative control behaved
as declared. The lab runs a probe three times; only three equal answers decide.

Rules. Evidence is stored as text and judged from that text, so whoever judges a stored run again
judges the same. It is read strictly: a name too many or too few, a number that is none, and nothing
is told. What is missing on this machine is `Absent`, and the claim is skipped, never guessed.
A probe talks to 127.0.0.1 only and ends within seconds; others run beside it, so it counts and
compares rather than times. Modules that begin with _ are no probes. See docs/probes.md.
"""

import importlib
import re
from typing import Any, NamedTuple, Protocol

Evidence = dict[str, str]
NAME = re.compile(r"[a-z][a-z0-9-]*")
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?(e-[0-9]+)?")  # no sign, nan, inf: probes count and time
SKIPPED = "skipped"  # the only evidence where something is missing: its value says what


class Absent(Exception):
    """This machine lacks what the probe looks at, or looks with."""


class Ruling(NamedTuple):
    """holds: the sentence, by this evidence; None: no telling. control: it behaved as declared.

    parts: where only one of the sentence's cases fails: which holds, and which does not.
    """

    holds: bool | None
    control: bool
    parts: str = ""


NOTHING = Ruling(None, control=False)


class Probe(Protocol):
    """The contract of a probe's module."""

    Seen: type[Any]  # a NamedTuple of int, float, bool and str

    def observe(self) -> Any:
        """Look, in this very process, which nobody else uses. Returns a Seen; raises Absent."""

    def judge(self, seen: Any) -> Ruling:
        """Say what a Seen means."""


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


def judge(name: str, evidence: Evidence) -> Ruling:
    """Judge stored evidence. What cannot be read, or says that it was skipped, tells nothing."""
    probe = find(name)
    seen = read(probe.Seen, evidence)
    return NOTHING if seen is None else probe.judge(seen)


def write(seen: Any) -> Evidence:
    """Return a Seen as text by name."""
    return {name.replace("_", " "): _text(value) for name, value in seen._asdict().items()}


def read(shape: type[Any], evidence: Evidence) -> Any:
    """Return the Seen that was written so; None where it is not exactly one."""
    kinds = {name.replace("_", " "): kind for name, kind in shape.__annotations__.items()}
    if kinds.keys() != evidence.keys():
        return None
    values = [_value(kind, evidence[name]) for name, kind in kinds.items()]
    return None if None in values else shape(*values)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _value(kind: type, text: str) -> object:
    if kind is bool:
        return {"yes": True, "no": False}.get(text)
    if kind is int:
        return int(text) if re.fullmatch("[0-9]+", text) else None
    if kind is float:
        return float(text) if NUMBER.fullmatch(text) else None
    return text or None
