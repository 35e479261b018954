"""The connection classes: what each of them needs, and what contradicts itself. Pure.

class            connections are             each of them
long             held                        asks again and again; ends after so many `requests`
short            opened as requests are due  asks once
idle             held                        says nothing
slow-sender      held                        sends its request in pieces
slow-reader      held                        reads the reply in pieces
never-finishing  held                        sends a part of a request, then nothing
churn            held                        says nothing; so many per second are replaced
storm            opened all at one instant   asks once
victim           held                        asks at a fixed rate, while the others attack

`docs/classes.md` shows each; `lab.schema` refuses in lab.yaml what is refused here in an order.
"""

from collections.abc import Iterator
from typing import Literal, Protocol

ClassName = Literal[
    "long",
    "short",
    "idle",
    "slow-sender",
    "slow-reader",
    "never-finishing",
    "churn",
    "storm",
    "victim",
]
NAMES: tuple[ClassName, ...] = (
    "long",
    "short",
    "idle",
    "slow-sender",
    "slow-reader",
    "never-finishing",
    "churn",
    "storm",
    "victim",
)
FLEETING = frozenset({"short", "storm"})  # not there before the load begins
MUTE = frozenset({"idle", "never-finishing", "churn"})  # get no replies
SLOW = frozenset({"slow-sender", "slow-reader"})
ATTACKERS = SLOW | {"never-finishing", "churn", "storm"}  # how they fare is the server's answer
RATED = frozenset({"long", "short", "victim"})  # may have an open workload
BY_HAND = ("long", "short", "idle")  # classes of a load that has no end to lay things out to
ENDS = ("close", "half-close", "reset", "abandon")
LEAST_REPLY = 2  # bytes: whoever hangs up in the middle of a reply needs one that has a middle


class Classed(Protocol):
    """What is looked at here, of `loadtests.engine.order.Load` and of `lab.model.ClassLoad`."""

    @property
    def connections(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def think_s(self) -> float: ...
    @property
    def requests(self) -> int: ...
    @property
    def ends(self) -> str: ...
    @property
    def piece(self) -> int: ...
    @property
    def every_s(self) -> float: ...
    @property
    def at_s(self) -> float: ...


def problem(name: str, load: Classed) -> str:
    """Say what contradicts the class; "" where nothing does."""
    return next((text for wrong, text in _contradictions(name, load) if wrong), "")


def _contradictions(name: str, load: Classed) -> Iterator[tuple[bool, str]]:
    slow, ends = name in SLOW, name == "short" or load.requests > 0
    yield load.rate > 0 and name not in RATED | {"churn"}, "has no rate"
    yield not load.rate and name in ("churn", "victim"), "needs a rate above 0"
    yield load.think_s > 0 and name not in ("long", "short"), "has no think time"
    yield load.requests < 0, "requests is at least 1"
    yield load.requests > 0 and name != "long", "requests is of long connections"
    yield (load.piece > 0, load.every_s > 0) != (slow, slow), "piece and every_s make a class slow"
    yield load.at_s < 0 or (load.at_s > 0 and name != "storm"), "at_s is of a storm, 0 or more"
    yield load.ends not in ENDS, f'no end "{load.ends}"; known: {", ".join(ENDS)}'
    yield load.ends != "close" and not ends, "ends is of short, or of long with requests"
