"""All connections of one class in one trial: its links, its pacer, its ledger, its census."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

from loadtests.engine import arrivals, sources
from loadtests.engine.clients import CLIENTS
from loadtests.engine.dial import Dial, now_ns
from loadtests.engine.eager import Eager
from loadtests.engine.endless import Endless
from loadtests.engine.ledger import Failure, Ledger
from loadtests.engine.link import Link
from loadtests.engine.lives import Brief, Kept, Silent
from loadtests.engine.loop import Loop
from loadtests.engine.order import SECOND, Load, Order
from loadtests.engine.pacing import Closed, Open, Pacer


class Group:
    """flying: requests sent and unanswered.

    held: kept connections open now. lost: those the other side has closed.
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
        self.asked = arrivals.split(load.connections, order.index, order.of)
        again = load.requests > 0
        own = sources.own(self.address[0], order.index, name, self.asked, again=again)
        self.sources = cycle(own)
        paced = load.open or load.think_s > 0 or bool(load.stages) or name in FLEETING
        self.ledger = Ledger(paced)
        self.every = round(load.every_s * SECOND)
        self.pacer = self._pacer(order)
        self.flying = self.held = self.lost = self.established = 0
        self.running = False
        self.unconnected: Counter[str] = Counter()
        self.pending = self.asked if self.keeps else 0
        self.on_settled: Callable[[], None] = lambda: None
        kind: type[Any] = self._kind()
        self.links = [kind(self, number) for number in range(self.asked)]
        if not self.keeps:
            self.pacer.idle.extend(self.links)

    @property
    def keeps(self) -> bool:
        """Its connections are there before the load begins, and counted at the window's edges."""
        return self.name != "short"

    @property
    def asks(self) -> bool:
        return self.name != "idle"

    @property
    def schedule(self) -> "array[int] | None":
        """The arrivals of an open workload, ns since the start."""
        return self.pacer.arrivals if isinstance(self.pacer, Open) else None

    def turns(self, number: int) -> Iterator[tuple[bytes, bytes]]:
        """Exchanges in turn; neighbours begin with different ones."""
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
        if self.asks:
            self.pacer.start(at)

    def stop(self, now: int) -> None:
        """Begin no request any more; what is on the way may still come."""
        self.running = False
        unsent = self.pacer.stop()
        self.ledger.failures.extend(Failure(now, "unsent", due, 0, 0) for due in unsent)
        for link in self.links:
            if isinstance(link, Eager):
                link.ease()

    def finish(self) -> None:
        """Nobody waits any longer."""
        for link in self.links:
            if link.reply is not None:
                self.failed("timeout", link)
                link.reply = None

    def failed(self, kind: str, link: Link) -> None:
        """Note the failure of the request under way on a link."""
        intended = link.intended if self.ledger.paced else link.sent
        self.ledger.failures.append(Failure(now_ns(), kind, intended, link.sent, link.got))
        self.flying -= 1

    def close(self) -> None:
        for link in self.links:
            link.close()

    def _kind(self) -> type[Dial]:
        if not self.keeps:
            return Brief
        if not self.asks:
            return Silent
        return Kept if self.ledger.paced else Eager

    def _pacer(self, order: Order) -> Pacer:
        load = self.load
        if not load.open or not self.asks:
            return Closed(self.loop, round(load.think_s * SECOND))
        seed = f"{order.seed}/{self.name}/arrivals"
        hands = min(order.of, load.connections)  # an engine without connections gets no arrivals
        if order.live and order.index < hands:
            stream = arrivals.stream(load.spacing, load.rate, seed, order.index, hands)
            return Endless(self.loop, stream)
        whole = arrivals.plan(load.spacing, load.rate, 0 if order.live else order.duration, seed)
        mine = whole[:0] if order.index >= hands else arrivals.deal(whole, order.index, hands)
        return Open(self.loop, mine)
