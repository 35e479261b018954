"""The notes' patched script takes 2.0 s, not 3: they print 2.0165154933929443.

Looked at: their script (5.3) as it stands, 1 s and 2 s.
Control: the same without the patch takes 3 s.
Source: the notes' own number.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import eat_play, like

EAT_S, PLAY_S = 1.0, 2.0


class Seen(NamedTuple):
    patched_s: float
    unpatched_s: float


def observe() -> Seen:
    with ThreadPoolExecutor(2) as pool:  # both at a time: they only sleep
        runs = [pool.submit(eat_play, how, EAT_S, PLAY_S) for how in ("first", "unpatched")]
        return Seen(*(run.result()[1] for run in runs))


def judge(seen: Seen) -> Ruling:
    summed = like(seen.unpatched_s, PLAY_S, EAT_S + PLAY_S) is False
    return Ruling(like(seen.patched_s, PLAY_S, EAT_S + PLAY_S), control=summed)
