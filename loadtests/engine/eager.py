"""The fast path: a kept connection of a closed workload without think time.

Each reply that is whole and right is noted, and the next request goes out at once; anything else is
left to the slow path of `link`.
"""

from typing import TYPE_CHECKING

from loadtests.engine.dial import Handler, now_ns
from loadtests.engine.lives import Kept

if TYPE_CHECKING:
    from loadtests.engine.group import Group


class Eager(Kept):
    """Kept, closed, no think time: the next request goes out at once. The engine's fast path."""

    __slots__ = ("done_append", "next_turn", "request_size", "service_append")

    def __init__(self, group: "Group", number: int) -> None:
        super().__init__(group, number)
        self.done_append = group.ledger.done.append
        self.service_append = group.ledger.service.append
        self.next_turn = self.turns.__next__
        self.request_size = group.request_bytes

    def on_reply(self) -> None:
        try:
            data = self.recv(self.size)
        except BlockingIOError:
            return
        except OSError:
            self.fail("reset")
            return
        now = now_ns()
        if data != self.reply:
            self.on_piece(data, now)
            return
        self.done_append(now)
        self.service_append(now - self.sent)
        request, self.reply = self.next_turn()
        self.sent = now
        try:
            taken = self.send(request)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.fail("reset")
            return
        if taken != self.request_size:
            self.defer(request, taken)

    def listener(self) -> Handler:
        return super().on_reply if self.group.pacer.stopped else self.on_reply

    def ease(self) -> None:
        """The load is over: go over to the slow path, which asks the pacer before it sends."""
        handlers = self.group.loop.handlers
        if self.fd >= 0 and handlers[self.fd] == self.on_reply:
            handlers[self.fd] = self.listener()
