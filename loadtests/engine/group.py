"""All connections of one class in one trial: its links, its pacer, its ledger, its census."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import TYPE_CHECKING, Any

from loadtests.engine import arrivals, executors, sources
from loadtests.engine.attacks import RETRY, Burst, Churned, Unfinished
from loadtests.engine.classes import FLEETING, MUTE, SLOW
from loadtests.engine.clients import CLIENTS
from loadtests.engine.compiled import FOLLOWED, CompiledKept, CompiledLoop, compiled_fleet
from loadtests.engine.dial import Dial, now_ns
from loadtests.engine.eager import Eager
from loadtests.engine.ends import Rounds, Single
from loadtests.engine.ledger import Failure, Ledger
from loadtests.engine.link import Link
from loadtests.engine.lives import Brief, Kept, Silent
from loadtests.engine.loop import Loop
from loadtests.engine.order import SECOND, Load, Order
from loadtests.engine.pacing import Closed, Open, Pacer
from loadtests.engine.slow import SlowReader, SlowSender, Staggered
from loadtests.engine.timer import NEVER

if TYPE_CHECKING:
    from loadtests.engine.fast import Fleet


class Group:
    """flying: requests sent and unanswered, as far as Python knows.

    fleet: what the compiled core knows of the links, if that is theirs.
    held: kept connections open now. lost: those the other side has closed. renewing: between an
    end by plan and the connection that follows; replaced: those that have followed. missed:
    connects that failed while the load ran, by kind. unfinished: half-closed, and the server went
    on. patience: replies are awaited until then, ns, if that is later than usual.
    """

    def __init__(self, name: str, order: Order, loop: Loop, place: tuple[Any, Any]) -> None:
        load: Load = order.classes[name]  # type: ignore[index]  # the caller took it from there
        self.name = name
        self.load = load
        self.loop = loop
        self.family, self.address = place
        self.client = CLIENTS[order.protocol](
            f"{order.seed}/{name}/payload", load.payload, load.path
        )
        self.request_bytes, self.reply_bytes = map(len, self.client.exchanges[0])
        self.order_of_all = cycle(self.client.exchanges)
        self.asked = arrivals.split(load.connections, order.index, order.of)
        again = load.requests > 0
        own = sources.own(self.address[0], order.index, name, self.asked, again=again)
        self.sources = cycle(own)
        paced = load.open or load.think_s > 0 or bool(load.stages) or name in FLEETING
        self.ledger = Ledger(paced)
        self.every = round(load.every_s * SECOND)
        self.pacer = self._pacer(order)
        self.patience = self.renewing = self.replaced = self.unfinished = 0
        self.missed: Counter[str] = Counter()
        self.flying = self.held = self.lost = self.established = 0
        self.running = False
        self.unconnected: Counter[str] = Counter()
        self.pending = self.asked if self.keeps else 0
        self.on_settled: Callable[[], None] = lambda: None
        kind: type[Any] = self._kind()
        self.fleet: Fleet | None = None
        if isinstance(loop, CompiledLoop) and kind in FOLLOWED:
            self.fleet = compiled_fleet(loop, self, eager=kind is Eager)
            kind = CompiledKept
        self.links = [kind(self, number) for number in range(self.asked)]
        self.pacer.meet(self.links)
        if not self.keeps:
            self.pacer.idle.extend(self.links)

    @property
    def under_way(self) -> int:
        """Requests sent and unanswered; those of the compiled core are counted there."""
        return self.flying + (self.fleet.flying if self.fleet else 0)

    @property
    def keeps(self) -> bool:
        """Its connections are there before the load begins, and counted at the window's edges."""
        return self.name not in FLEETING

    @property
    def asks(self) -> bool:
        return self.name not in MUTE

    @property
    def schedule(self) -> "array[int] | None":
        """The arrivals of an open workload, ns since the start; of churn, the replacements."""
        return self.pacer.arrivals if isinstance(self.pacer, Open) else None

    def window(self, planned: tuple[int, int]) -> tuple[int, int]:
        """What counts as inside the window: of a storm, all that comes of it."""
        return (planned[0], NEVER) if self.name == "storm" else planned

    def turns(self, number: int) -> Iterator[tuple[bytes, bytes]]:
        """Exchanges in turn; neighbours begin with different ones, or all take of the same."""
        if self.client.in_order:
            return self.order_of_all
        exchanges = self.client.exchanges
        first = number % len(exchanges)
        return cycle(exchanges[first:] + exchanges[:first])

    def settle(self, kind: str = "") -> None:
        """One connection is established, or has failed for good. Later on it counts no more."""
        if self.pending:
            self.pending -= 1
            if kind:
                self.unconnected[kind] += 1
            else:
                self.established += 1
            if not self.pending:
                self.on_settled()

    def give_up(self) -> None:
        """The deadline has passed: what is not connected now does not take part."""
        if self.pending:
            for link in self.links:
                if not link.up:
                    link.close()
            self.unconnected["timeout"] += self.pending
            self.pending = 0

    def start(self, at: int) -> None:
        self.running = True
        self.pacer.start(at)
        if isinstance(self.pacer, Burst):
            self.patience = at + self.pacer.offset + RETRY

    def stop(self, now: int) -> None:
        """Begin no request any more; what is on the way may still come."""
        self.running = False
        unsent = self.pacer.stop()
        if self.asks:
            self.ledger.failures.extend(Failure(now, "unsent", due, 0, 0) for due in unsent)
            for link in self.links:
                link.ease()

    def finish(self) -> None:
        """Nobody waits any longer."""
        for link in self.links:
            if link.reply is not None:
                self.missed["timeout"] += link.connecting
                self.failed("timeout", link)
                link.reply = None

    def failed(self, kind: str, link: Link) -> None:
        """Note what became of the request under way on a link."""
        intended = link.intended if self.ledger.paced else link.sent
        left = len(link.rest)
        failure = Failure(now_ns(), kind, intended, link.sent, link.got, left)
        self.ledger.failures.append(failure)
        self.flying -= 1

    def close(self) -> None:
        for link in self.links:
            link.close()

    def _kind(self) -> type[Dial]:
        load, paced = self.load, self.ledger.paced
        kinds: dict[str, type[Dial]] = {
            "long": Rounds if load.requests else Kept if paced else Eager,
            "short": Brief if load.ends == "close" else Single,
            "idle": Silent,
            "slow-sender": SlowSender,
            "slow-reader": SlowReader,
            "never-finishing": Unfinished,
            "churn": Churned,
            "storm": Brief,
            "victim": Kept,
        }
        return kinds[self.name]

    def _pacer(self, order: Order) -> Pacer:
        if self.name == "storm":
            return Burst(self.loop, order.warm_up + round(self.load.at_s * SECOND))
        if self.name in SLOW:
            return Closed(self.loop, Staggered(self.every))
        paced = self.load if self.asks or self.load.open else Load(self.load.connections)
        return executors.pacer(self.name, paced, order, self.loop)
