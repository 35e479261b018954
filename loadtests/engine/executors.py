"""Which pacer a load gets. k6's names: what waits for replies (vus), and what does not (rate)."""

from loadtests.engine import arrivals
from loadtests.engine.course import course, crowd, nanoseconds
from loadtests.engine.endless import Endless
from loadtests.engine.loop import Loop
from loadtests.engine.order import Load, Order
from loadtests.engine.pacing import Closed, Open, Pacer
from loadtests.engine.ramping import Ramping
from loadtests.engine.thinking import Exponential, Think


def pacer(name: str, load: Load, order: Order, loop: Loop) -> Pacer:
    """The pacer of a class that asks, for this engine's share of it."""
    return _open(name, load, order, loop) if load.open else _closed(name, load, order, loop)


def _closed(name: str, load: Load, order: Order, loop: Loop) -> Pacer:
    think = Think(nanoseconds(load.think_s))
    if load.spread == "exponential":
        seed = f"{order.seed}/{name}/think"
        think = Exponential(think.mean, seed, (order.index, order.of))
    if not load.stages:
        return Closed(loop, think)
    steps = crowd(load.start, load.stages)
    return Ramping(loop, think, ((at, order.share(active)) for at, active in steps))


def _open(name: str, load: Load, order: Order, loop: Loop) -> Pacer:
    seed = f"{order.seed}/{name}/arrivals"
    hands = min(order.of, load.connections)  # an engine without connections gets no arrivals
    if order.live and order.index < hands:
        stream = arrivals.stream(load.spacing, load.rate, seed, order.index, hands)
        return Endless(loop, stream)
    duration = 0 if order.live or order.index >= hands else order.duration
    if load.stages:
        rate = course(load.start, load.stages)
        whole = arrivals.ramp(load.spacing, rate, duration, seed)
    else:
        whole = arrivals.plan(load.spacing, load.rate, duration, seed)
    return Open(loop, arrivals.deal(whole, order.index, hands))
