"""Connections that cost without asking much: never finished, replaced all the time, all at once.

Never-finishing and churn hold as little as idle ones do, see `lives.Silent`: there are many.
"""

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from loadtests.engine.dial import LEAST_READ, now_ns
from loadtests.engine.lives import REOPEN, Silent
from loadtests.engine.loop import READ, Loop
from loadtests.engine.pacing import Asker, Pacer

if TYPE_CHECKING:
    from loadtests.engine.group import Group

RETRY = 1_500_000_000  # ns: a SYN that was dropped is sent again after 1 s (TCP_TIMEOUT_INIT)


class Unfinished(Silent):
    """Sends a part of a request, and nothing more. Whatever it hears means it is lost."""

    __slots__ = ()

    def ready(self) -> None:
        with suppress(OSError):  # a reset is heard soon
            self.send(self.group.client.unfinished)
        super().ready()


class Churned(Silent):
    """Silent; when its time has come, another connection takes its place.

    The new one is connected before the old one is closed, so that as many are held as there should
    be. old: descriptor of the one to be closed then; -1: none.
    """

    __slots__ = ("old",)

    def __init__(self, group: "Group", number: int) -> None:
        super().__init__(group, number)
        self.old = -1

    def begin(self, intended: int) -> int:
        """Replace it. Its events are no longer heard: it is about to end anyway."""
        del intended
        self.mute()
        self.old, self.fd, self.up = self.fd, -1, False
        self.size = LEAST_READ
        self.connect()
        return self.called or now_ns()

    def ready(self) -> None:
        if self.old >= 0:
            self.group.replaced += 1
            self.close_old()
        super().ready()
        self.group.pacer.free(self, now_ns())

    def unconnected(self, kind: str) -> None:
        """Keep the old one, and try again a little later."""
        if self.old < 0:
            super().unconnected(kind)
            return
        group = self.group
        group.missed[kind] += 1
        self.fd, self.old, self.up = self.old, -1, True
        group.loop.watch(self.fd, self.on_noise, READ)
        group.pacer.later(now_ns() + REOPEN, self.go_on)

    def go_on(self, due: int) -> None:
        if self.up:
            self.group.pacer.free(self, due)

    def on_noise(self) -> None:
        super().on_noise()
        self.group.pacer.drop(self)

    def close(self) -> None:
        super().close()
        if self.old >= 0 and not self.group.running:  # else it is what remains
            self.close_old()

    def close_old(self) -> None:
        self.group.loop.handlers.pop(self.old, None)
        os.close(self.old)
        self.old = -1
        self.group.held -= 1


class Burst(Pacer):
    """All links begin at one instant, once: `offset` ns behind the start."""

    def __init__(self, loop: Loop, offset: int) -> None:
        super().__init__(loop)
        self.offset = offset

    def start(self, at: int) -> None:
        self.started = True
        self.later(at + self.offset, self.strike)

    def strike(self, due: int) -> None:
        while self.idle:
            self.idle.popleft().begin(due)

    def free(self, link: Asker, now: int) -> None:
        """It has asked once, and that was all."""
