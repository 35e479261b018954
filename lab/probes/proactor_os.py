"""A Proactor must be set up by hand, and only where the system has one.

Looked at: on this machine, which loop asyncio makes when nobody chooses, what it waits with, and
whether a Proactor could be chosen at all.
Control: a loop that is chosen by hand (over select) is the one that is made.
Source: docs.python.org, asyncio "Platform Support"; on Windows the Proactor is the default since
Python 3.8, so there the sentence does not hold; this machine cannot show it.
"""

import asyncio
import selectors
import sys
from typing import NamedTuple

from lab.probes import Ruling


class Seen(NamedTuple):
    system: str
    default_loop_waits_with: str
    proactor_can_be_chosen: bool
    chosen_by_hand_waits_with: str


def observe() -> Seen:
    offered = hasattr(asyncio, "ProactorEventLoop")
    default = asyncio.new_event_loop()
    by_hand = asyncio.SelectorEventLoop(selectors.SelectSelector())
    names = [type(getattr(loop, "_selector", None)).__name__ for loop in (default, by_hand)]
    default.close()
    by_hand.close()
    return Seen(sys.platform, names[0], offered, names[1])


def judge(seen: Seen) -> Ruling:
    reactor = seen.default_loop_waits_with in {"EpollSelector", "PollSelector", "KqueueSelector"}
    known = seen.system == "linux" and not seen.proactor_can_be_chosen
    return Ruling(
        reactor if known else None, control=seen.chosen_by_hand_waits_with == "SelectSelector"
    )
