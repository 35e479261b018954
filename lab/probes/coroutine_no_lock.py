"""Coroutines need no lock to change shared data: it depends on what lies in between.

Looked at: 1000 coroutines that each read a number, add one and write it back, in asyncio and in
gevent; first in one go, then with a switch between reading and writing, as any I/O there is one.
Control: with a lock, the second program loses nothing.
Source: docs.python.org, "Synchronization Primitives" of asyncio.
"""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from lab.probes import Ruling

TASKS = 1000
PARTS = "holds where nothing is awaited between reading and writing, not where something is"


class Seen(NamedTuple):
    coroutines: int
    asyncio_lost_in_one_go: int
    asyncio_lost_with_a_switch: int
    asyncio_lost_with_a_lock: int
    gevent_lost_in_one_go: int
    gevent_lost_with_a_switch: int
    gevent_lost_with_a_lock: int


def observe() -> Seen:
    ways = ((False, False), (True, False), (True, True))
    in_asyncio = [asyncio.run(_asyncio(switch, lock)) for switch, lock in ways]
    in_gevent = [_gevent(switch, lock) for switch, lock in ways]
    return Seen(TASKS, *in_asyncio, *in_gevent)


def judge(seen: Seen) -> Ruling:
    lost = (
        seen.asyncio_lost_in_one_go,
        seen.asyncio_lost_with_a_switch,
        seen.gevent_lost_in_one_go,
        seen.gevent_lost_with_a_switch,
    )
    if max(lost) >= seen.coroutines:  # one update at least is the last
        return Ruling(None, control=False)
    repaired = seen.asyncio_lost_with_a_lock == seen.gevent_lost_with_a_lock == 0
    parts = PARTS if lost[0] == lost[2] == 0 < min(lost[1], lost[3]) else ""
    return Ruling(lost == (0, 0, 0, 0), repaired, parts)


async def _asyncio(switch: bool, locked: bool) -> int:
    total, lock = 0, asyncio.Lock()

    async def add() -> None:
        nonlocal total
        before = total
        if switch:
            await asyncio.sleep(0)
        total = before + 1

    async def add_alone() -> None:
        async with lock:
            await add()

    await asyncio.gather(*((add_alone if locked else add)() for _ in range(TASKS)))
    return TASKS - total


def _gevent(switch: bool, locked: bool) -> int:
    import gevent
    from gevent.lock import Semaphore

    total = 0
    lock: AbstractContextManager[object] = Semaphore() if locked else nullcontext()

    def add() -> None:
        nonlocal total
        with lock:
            before = total
            if switch:
                gevent.sleep(0)
            total = before + 1

    gevent.joinall([gevent.spawn(add) for _ in range(TASKS)])
    return TASKS - total
