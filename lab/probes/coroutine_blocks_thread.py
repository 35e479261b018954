"""Once a coroutine blocks, it blocks its whole thread, and all coroutines in it.

Looked at: a coroutine that ticks each 10 ms, beside one that calls time.sleep(0.3): the longest gap
between two ticks, in asyncio and in gevent.
Control: the gap is short where the call is handed to another thread (asyncio), and where gevent has
patched time.sleep(), so that it no longer blocks.
Source: docs.python.org, asyncio, "Running Blocking Code".
"""

import asyncio
import time
from itertools import pairwise
from typing import NamedTuple

from lab.probes import Absent, Ruling
from servers.needs import missing

BLOCK_S, TICK_S, TICKS = 0.3, 0.01, 50


class Seen(NamedTuple):
    blocked_for_s: float
    asyncio_gap_s: float
    gevent_gap_s: float
    asyncio_gap_with_another_thread_s: float
    gevent_gap_when_patched_s: float


def observe() -> Seen:
    if lack := missing("gevent"):
        raise Absent(lack)
    gaps = asyncio.run(_asyncio(offloaded=False)), _gevent()
    offloaded = asyncio.run(_asyncio(offloaded=True))
    from gevent import monkey

    monkey.patch_time()
    return Seen(BLOCK_S, *gaps, offloaded, _gevent())


def judge(seen: Seen) -> Ruling:
    blocked = min(seen.asyncio_gap_s, seen.gevent_gap_s) >= seen.blocked_for_s > 0
    free = max(seen.asyncio_gap_with_another_thread_s, seen.gevent_gap_when_patched_s)
    return Ruling(blocked, control=0 < free < seen.blocked_for_s / 2)


async def _asyncio(*, offloaded: bool) -> float:
    ticks: list[float] = []

    async def tick() -> None:
        for _ in range(TICKS):
            ticks.append(time.monotonic())
            await asyncio.sleep(TICK_S)

    async def block() -> None:
        await asyncio.sleep(5 * TICK_S)
        if offloaded:
            await asyncio.to_thread(time.sleep, BLOCK_S)
        else:
            time.sleep(BLOCK_S)  # noqa: ASYNC251 - the mistake is what is looked at

    await asyncio.gather(tick(), block())
    return _gap(ticks)


def _gevent() -> float:
    import gevent

    ticks: list[float] = []

    def tick() -> None:
        for _ in range(TICKS):
            ticks.append(time.monotonic())
            gevent.sleep(TICK_S)

    def block() -> None:
        gevent.sleep(5 * TICK_S)
        time.sleep(BLOCK_S)

    gevent.joinall([gevent.spawn(tick), gevent.spawn(block)])
    return _gap(ticks)


def _gap(ticks: list[float]) -> float:
    return max(after - before for before, after in pairwise(ticks))
