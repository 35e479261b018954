"""What is measured, and how good it is to be: a goal is of a ratio of two cases, or of a figure."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from bench.generators import engine, half, locust, wrk

HTTP, ECHO = "bench-http", "echo"
MODERATE = 10_000.0  # requests per second: an open load at which most waits are for a timer
CASES = {
    "engine, http, 50": lambda cpus, s: engine(cpus, HTTP, 50, s),
    "engine, http, 500": lambda cpus, s: engine(cpus, HTTP, 500, s),
    "engine, http, 1": lambda cpus, s: engine(cpus, HTTP, 1, s),
    "wrk, http, 50": lambda cpus, s: wrk(cpus, 50, s),
    "wrk, http, 500": lambda cpus, s: wrk(cpus, 500, s),
    "wrk, http, 1": lambda cpus, s: wrk(cpus, 1, s),
    "FastHttpUser, http, 50": lambda cpus, s: locust(cpus, "http", 50, s),
    "engine, echo, 50": lambda cpus, s: engine(cpus, ECHO, 50, s),
    "engine, echo, 500": lambda cpus, s: engine(cpus, ECHO, 500, s),
    "engine, echo, 1": lambda cpus, s: engine(cpus, ECHO, 1, s),
    "Locust TCP user, echo, 50": lambda cpus, s: locust(cpus, "echo", 50, s),
    "engine, echo, 50, open at half": lambda cpus, s: half(cpus, ECHO, 50, s),
    "engine, echo, 50, open 10k/s": lambda cpus, s: engine(cpus, ECHO, 50, s, rate=MODERATE),
    "python core, http, 50": lambda cpus, s: engine(cpus, HTTP, 50, s, "python"),
    "python core, http, 500": lambda cpus, s: engine(cpus, HTTP, 500, s, "python"),
    "python core, echo, 50": lambda cpus, s: engine(cpus, ECHO, 50, s, "python"),
    "python core, echo, open at half": lambda cpus, s: half(cpus, ECHO, 50, s, "python"),
}


@dataclass(frozen=True)
class Goal:
    """most: what the ratio of CPU per request, or the figure, may be; None: it is only shown.

    judged: of the rounds, the median; or the worst, of what must never be.
    """

    over: str
    under: str = ""
    figure: str = "generator_us"
    most: float | None = None
    unit: str = ""
    judged: Callable[[list[float]], float] = statistics.median

    @property
    def cases(self):
        return [name for name in (self.over, self.under) if name]

    def values(self, rounds):
        """One of each round: both cases were measured within minutes of each other."""
        found = [getattr(measured[self.over], self.figure) for measured in rounds]
        if not self.under:
            return found
        under = [getattr(measured[self.under], self.figure) for measured in rounds]
        return [a / b for a, b in zip(found, under, strict=True)]

    def judge(self, rounds):
        values = self.values(rounds)
        found = self.judged(values)
        return {
            "what": f"{self.over} / {self.under}" if self.under else f"{self.over}: {self.figure}",
            "judged": found,
            "least": min(values),
            "most": max(values),
            "goal": self.most,
            "unit": self.unit,
            "met": None if self.most is None else found <= self.most,
        }


GOALS = (
    Goal("engine, http, 50", "wrk, http, 50", most=1.0),
    Goal("engine, http, 500", "wrk, http, 500", most=1.0),
    Goal("engine, http, 1", "wrk, http, 1"),
    Goal("engine, echo, 50", "Locust TCP user, echo, 50", most=0.25),
    Goal("engine, http, 50", "FastHttpUser, http, 50", most=0.06),
    Goal("engine, echo, 50, open at half", figure="lag_p99", most=300, unit="us"),
    Goal("engine, echo, 50, open at half", figure="dropped", most=0, judged=max),
    Goal("engine, echo, 50, open 10k/s", figure="lag_p50", most=50, unit="us"),
    Goal("python core, http, 50", "wrk, http, 50"),
    Goal("python core, http, 500", "wrk, http, 500"),
    Goal("python core, echo, 50", "Locust TCP user, echo, 50"),
    Goal("python core, echo, open at half", figure="lag_p99", unit="us"),
    Goal("wrk, http, 50", "Locust TCP user, echo, 50"),  # what a client in C reaches here
)
