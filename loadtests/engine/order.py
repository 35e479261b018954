"""The order for one trial, as it comes over the pipe: checked once, here. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadtests.engine import classes, drawn, paths, staged
from loadtests.engine.arrivals import SPACINGS, split
from loadtests.engine.classes import BY_HAND, LEAST_REPLY, NAMES, ClassName
from loadtests.engine.clients import CLIENTS
from loadtests.engine.course import Stage

SECOND = 1_000_000_000  # ns
KEYS = {"trial", "target", "protocol", "classes", "seed", "timing"}
OPTIONAL = {"cpu", "share", "deadline", "live", "hold"}
LONGEST_LIVE = 3600  # seconds: whoever forgets a load by hand has it ended
DEADLINE = 10.0  # seconds until all connections are established or given up


@dataclass(frozen=True, slots=True)
class Load:
    """One connection class of the whole trial; `lab.model.ClassLoad` says what the fields mean."""

    connections: int
    rate: float = 0.0
    spacing: str = "constant"
    think_s: float = 0.0
    payload: int = 64
    path: str = paths.ECHO
    spread: str = "constant"
    executor: str = ""
    start: float = 0.0
    stages: Sequence[Stage] = ()
    requests: int = 0
    ends: str = "close"
    piece: int = 0
    every_s: float = 0.0
    at_s: float = 0.0

    @property
    def open(self) -> bool:
        """Open workload: arrivals do not wait for replies."""
        return self.rate > 0


@dataclass(frozen=True, slots=True)
class Order:
    """Times are ns. share: this engine is number `index` of `of` that load the trial together.

    live: no trial but a load by hand, without phases, until it is told to finish or the window's
    length has passed; see `loadtests.engine.live`. hold: of a trial, how long its connections are
    kept behind the cool-down, until it is told to finish.
    """

    trial: str
    host: str
    port: int
    protocol: str
    classes: dict[ClassName, Load]
    seed: int
    warm_up: int
    window: int
    cool_down: int
    cpu: int | None = None
    index: int = 0
    of: int = 1
    deadline: int = int(DEADLINE * SECOND)
    live: bool = False
    hold: int = 0

    @property
    def duration(self) -> int:
        return self.warm_up + self.window + self.cool_down

    def share(self, total: int) -> int:
        """How many of `total` things of the whole trial are this engine's."""
        return split(total, self.index, self.of)


def parse(raw: Any) -> Order:
    """Make an order of decoded JSON. Raises ValueError, one line that says what is wrong."""
    if not isinstance(raw, dict) or not raw.keys() >= KEYS or raw.keys() - KEYS - OPTIONAL:
        raise ValueError(f"an order has the keys {sorted(KEYS)} and may have {sorted(OPTIONAL)}")
    try:
        order = build(raw)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"malformed order: {error!r}") from error
    if order.protocol not in CLIENTS:
        raise ValueError(f'no client for protocol "{order.protocol}"; known: {sorted(CLIENTS)}')
    if order.protocol != "http" and any(load.path != paths.ECHO for load in order.classes.values()):
        raise ValueError(f"{order.protocol} has no paths; http has")
    if not 0 <= order.index < order.of:
        raise ValueError(f"share {order.index} of {order.of}: the first number is below the second")
    if order.window <= 0 or order.warm_up < 0 or order.cool_down < 0:
        raise ValueError("timing: the window is above 0, warm_up and cool_down are not below")
    if order.live and (order.warm_up or order.cool_down or order.window > LONGEST_LIVE * SECOND):
        raise ValueError(f"timing: live has a window of at most {LONGEST_LIVE} s, and nothing else")
    for name, load in order.classes.items():
        _check_stages(order, name, load)
        _check_class(order, name, load)
    return order


def _check_class(order: Order, name: ClassName, load: Load) -> None:
    """What a class needs of the trial and of the protocol."""
    if order.live and (name not in BY_HAND or load.ends != "close"):
        raise ValueError(f"a load by hand has {', '.join(BY_HAND)}, which are closed; not {name}")
    if round(load.at_s * SECOND) > order.window:
        raise ValueError(f"{name}: it comes at {load.at_s:g} s, behind the window")
    if name != "never-finishing" and load.ends != "abandon":
        return
    client = CLIENTS[order.protocol]("", load.payload, load.path)
    if name == "never-finishing" and not client.unfinished:
        raise ValueError(f"{order.protocol} has no unfinished requests: it answers every byte")
    if load.ends == "abandon" and len(client.exchanges[0][1]) < LEAST_REPLY:
        raise ValueError(f"{name}: a reply of one byte has no middle to hang up in")


def _check_stages(order: Order, name: str, load: Load) -> None:
    if name not in staged.CLASSES and (load.stages or load.executor):
        raise ValueError(f"{name}: executor and stages are of {' and '.join(staged.CLASSES)}")
    if order.live and load.stages:
        raise ValueError(f"{name}: a load by hand has no stages: it has no end to lay them out to")
    if (length := staged.length(load.stages)) > order.duration:
        seconds = f"stages of {length / SECOND:g} s in a trial of {order.duration / SECOND:g} s"
        raise ValueError(f"{name}: {seconds}")


def build(raw: Mapping[str, Any]) -> Order:
    timing = {name: round(raw["timing"][name] * SECOND) for name in raw["timing"]}
    host, port = raw["target"]
    index, of = raw.get("share") or (0, 1)
    return Order(
        trial=raw["trial"],
        host=host,
        port=port,
        protocol=raw["protocol"],
        classes={name: load(name, fields) for name, fields in raw["classes"].items()},
        seed=raw["seed"],
        cpu=raw.get("cpu"),
        index=index,
        of=of,
        deadline=round(raw.get("deadline", DEADLINE) * SECOND),
        live=raw.get("live") is True,
        hold=round(raw.get("hold", 0) * SECOND),
        **timing,
    )


def load(name: str, fields: Mapping[str, Any]) -> Load:
    if name not in NAMES:
        raise ValueError(f'no connection class "{name}"; known: {", ".join(NAMES)}')
    made = Load(**fields)
    if wrong := drawn.problem(made.path):
        raise ValueError(f'{name}: "{made.path}" {wrong}')
    least = 1 if paths.takes_payload(made.path) else 0
    if made.connections < 1 or made.payload < least or made.rate < 0 or made.think_s < 0:
        raise ValueError(f"{name}: connections and payload are at least 1, rate and think_s 0")
    if made.spacing not in SPACINGS:
        raise ValueError(f'{name}: no spacing "{made.spacing}"; known: {", ".join(SPACINGS)}')
    if wrong := classes.problem(name, made) or staged.problem(made):
        raise ValueError(f"{name}: {wrong}")
    return made
