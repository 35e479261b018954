"""What one self-test holds against what it predicted, and how that came out. Values only.

Rules: the prediction and the tolerance are there before the measurement; a figure that is `shown`
stands beside the others and decides nothing.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Rule = Literal["within", "at most", "at least", "shown"]
State = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure. tolerance: of `within`, as a share of the prediction. text: for people."""

    what: str
    rule: Rule
    measured: float
    predicted: float | None = None
    tolerance: float = 0.0
    unit: str = ""
    text: str = ""

    @property
    def ok(self) -> bool:
        """Whether the measured figure is where it was predicted; NaN never is."""
        if self.rule == "shown" or self.predicted is None:
            return True
        if self.rule == "at most":
            return self.measured <= self.predicted
        if self.rule == "at least":
            return self.measured >= self.predicted
        return abs(self.measured - self.predicted) <= self.tolerance * abs(self.predicted)


def within(
    what: str, measured: float, predicted: float, tolerance: float, unit: str = "", text: str = ""
) -> Finding:
    """Passes where |measured - predicted| <= tolerance x predicted."""
    return Finding(what, "within", measured, predicted, tolerance, unit, text)


def at_most(what: str, measured: float, limit: float, unit: str = "", text: str = "") -> Finding:
    """Passes up to the limit."""
    return Finding(what, "at most", measured, limit, 0.0, unit, text)


def at_least(what: str, measured: float, limit: float, unit: str = "", text: str = "") -> Finding:
    """Passes from the limit on."""
    return Finding(what, "at least", measured, limit, 0.0, unit, text)


def shown(
    what: str, measured: float, predicted: float | None = None, unit: str = "", text: str = ""
) -> Finding:
    """Decides nothing."""
    return Finding(what, "shown", measured, predicted, 0.0, unit, text)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One self-test. why: of a skip, or of a test that broke; else empty."""

    name: str
    state: State
    took_s: float
    findings: list[Finding] = field(default_factory=list)
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        found = [
            {name: getattr(one, name) for name in Finding.__slots__} | {"ok": one.ok}
            for one in self.findings
        ]
        return {
            "name": self.name,
            "state": self.state,
            "why": self.why,
            "took_s": self.took_s,
            "findings": found,
        }
