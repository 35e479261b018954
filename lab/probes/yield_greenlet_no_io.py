"""Neither yield nor greenlet switches when a task waits for I/O.

Looked at: two tasks that sleep 0.2 s and 0.1 s, as generators that are switched at each yield, and
as greenlets: the time for both is the sum. And the notes' script of part 4: which lines it prints;
`play` never runs, as nothing switches to it.
Control: as gevent's greenlets, which sleep in gevent.sleep(), both take as long as the longer one.
Source: greenlet.readthedocs.io: "a greenlet is a small independent pseudo-thread".
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

from lab.probes import Absent, Ruling
from lab.probes._kit import like, seconds
from servers.needs import missing

LONG_S, SHORT_S = 0.2, 0.1


class Seen(NamedTuple):
    longer_s: float
    both_s: float
    generators_s: float
    greenlets_s: float
    lines_of_the_notes: str
    gevent_s: float


def observe() -> Seen:
    if lack := missing("gevent"):
        raise Absent(lack)
    _gevent(0, 0)  # whatever is loaded once, is loaded
    took = seconds(_generators), seconds(_greenlets)
    by_gevent = seconds(_gevent, LONG_S, SHORT_S)
    return Seen(LONG_S, LONG_S + SHORT_S, *took, _notes(), by_gevent)


def judge(seen: Seen) -> Ruling:
    took = (seen.generators_s, seen.greenlets_s, seen.gevent_s)
    by_yield, by_greenlet, by_gevent = (like(each, seen.longer_s, seen.both_s) for each in took)
    if by_yield is None or by_greenlet is None:
        return Ruling(None, control=False)
    eat_alone = seen.lines_of_the_notes == "eat 1, eat 2"
    neither = not by_yield and not by_greenlet and eat_alone
    return Ruling(neither, control=by_gevent is True)


def _generators() -> None:
    def task(wait_s: float) -> Iterator[None]:
        yield
        time.sleep(wait_s)
        yield

    for _ in zip(task(LONG_S), task(SHORT_S), strict=True):
        pass


def _greenlets() -> None:
    from greenlet import greenlet

    for wait_s in (LONG_S, SHORT_S):
        greenlet(time.sleep).switch(wait_s)  # comes back when it switches, or has ended


def _notes() -> str:
    """Return what the notes' script prints, without its switches, which are comments there."""
    from greenlet import greenlet

    lines: list[str] = []

    def eat() -> None:
        lines.append("eat 1")
        time.sleep(SHORT_S)
        lines.append("eat 2")

    def play() -> None:
        lines.append("play")
        e.switch()

    e = greenlet(eat)
    greenlet(play)
    e.switch()
    return ", ".join(lines)


def _gevent(*waits_s: float) -> None:
    import gevent

    gevent.joinall([gevent.spawn(gevent.sleep, wait_s) for wait_s in waits_s])
