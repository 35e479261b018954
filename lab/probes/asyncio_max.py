"""In asyncio, waits of 3 s and 2 s take 3 s together, in one thread.

Looked at: the notes' two coroutines, a tenth as slow, run together: how long, the order in which
they end, and the names of their threads.
Control: awaited one after the other, they take the sum.
Source: docs.python.org, asyncio.gather().
"""

import asyncio
import time
from threading import current_thread
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import like

LONG_S, SHORT_S = 0.3, 0.2


class Seen(NamedTuple):
    together_s: float
    ended: str
    threads: str
    in_turn_s: float


def observe() -> Seen:
    return Seen(*asyncio.run(_together()), asyncio.run(_in_turn()))


def judge(seen: Seen) -> Ruling:
    longer = like(seen.together_s, LONG_S, LONG_S + SHORT_S)
    one_thread = (seen.ended, seen.threads) == ("task2, task", "MainThread")
    control = like(seen.in_turn_s, LONG_S, LONG_S + SHORT_S) is False
    return Ruling(longer and one_thread, control)


async def _task(name: str, wait_s: float, ended: list[str], threads: set[str]) -> None:
    threads.add(current_thread().name)
    await asyncio.sleep(wait_s)
    ended.append(name)


async def _together() -> tuple[float, str, str]:
    ended, threads = list[str](), set[str]()
    start = time.monotonic()
    both = (("task", LONG_S), ("task2", SHORT_S))
    await asyncio.gather(*(_task(name, wait_s, ended, threads) for name, wait_s in both))
    return time.monotonic() - start, ", ".join(ended), ", ".join(sorted(threads))


async def _in_turn() -> float:
    start = time.monotonic()
    await _task("task", LONG_S, [], set())
    await _task("task2", SHORT_S, [], set())
    return time.monotonic() - start
