"""What one gate found. `at_most` and `at_least` turn a value and its limits into a finding."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """state, the measured value, the limit it was held against, and one plain clause."""

    state: Literal["ok", "warn", "void"]
    value: float
    limit: float
    why: str = ""


def at_most(value: float, limit: float, why: str, warn: float | None = None) -> Finding:
    """Void above the limit, warn above `warn`."""
    if value > limit:
        return Finding("void", value, limit, why)
    if warn is not None and value > warn:
        return Finding("warn", value, warn, why)
    return Finding("ok", value, limit)


def at_least(value: float, limit: float, why: str) -> Finding:
    """Void below the limit."""
    return Finding("void", value, limit, why) if value < limit else Finding("ok", value, limit)
