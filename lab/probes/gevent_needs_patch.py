"""gevent does not recognize time.sleep() unless it is patched.

Looked at: the notes' two coroutines, 0.4 and 0.2 s, in time.sleep() without a patch: they take the
sum, one after the other.
Control: patched, they take as long as the longer one.
Source: gevent.org, gevent.monkey.
"""

from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import eat_play, like

EAT_S, PLAY_S = 0.4, 0.2
IN_TURN = "lqz eat 1, lqz eat 2, lqz play 1, lqz play 2, main"
SWITCHING = "lqz eat 1, lqz play 1, lqz play 2, lqz eat 2, main"


class Seen(NamedTuple):
    lines: str
    took_s: float
    lines_when_patched: str
    took_when_patched_s: float


def observe() -> Seen:
    return Seen(*eat_play("unpatched", EAT_S, PLAY_S), *eat_play("first", EAT_S, PLAY_S))


def judge(seen: Seen) -> Ruling:
    patched = like(seen.took_when_patched_s, EAT_S, EAT_S + PLAY_S)
    switches = like(seen.took_s, EAT_S, EAT_S + PLAY_S)
    if switches is None or switches is (seen.lines == IN_TURN):
        return Ruling(None, control=False)  # the order and the time disagree
    return Ruling(not switches, control=patched is True and seen.lines_when_patched == SWITCHING)
