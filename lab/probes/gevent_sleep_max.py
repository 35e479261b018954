"""gevent switches when a coroutine waits in gevent.sleep(): 2 s and 1 s take 2 s.

Looked at: the notes' script (5.2), a fifth as slow: 0.4 and 0.2 s; the order of its lines, and how
long both take.
Control: with a time.sleep() that gevent knows nothing of, they take the sum.
Source: gevent.org, gevent.sleep().
"""

from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import eat_play, like

EAT_S, PLAY_S = 0.4, 0.2
SWITCHING = "lqz eat 1, lqz play 1, lqz play 2, lqz eat 2, main"
IN_TURN = "lqz eat 1, lqz eat 2, lqz play 1, lqz play 2, main"


class Seen(NamedTuple):
    lines: str
    took_s: float
    lines_without_gevent: str
    took_without_gevent_s: float


def observe() -> Seen:
    return Seen(*eat_play("gevent", EAT_S, PLAY_S), *eat_play("unpatched", EAT_S, PLAY_S))


def judge(seen: Seen) -> Ruling:
    longer = like(seen.took_s, EAT_S, EAT_S + PLAY_S)
    if seen.lines != SWITCHING:
        longer = None if longer else longer  # the order and the time disagree
    summed = like(seen.took_without_gevent_s, EAT_S, EAT_S + PLAY_S) is False
    return Ruling(longer, control=summed and seen.lines_without_gevent == IN_TURN)
