"""Calling a coroutine function runs nothing: a loop has to run what it returns.

Looked at: whether its first line has run after the call, and after a loop has run it; what the call
returned.
Control: a plain function has run when it was called.
Source: docs.python.org, "Coroutines": "simply calling a coroutine will not schedule it".
"""

import asyncio
from typing import NamedTuple

from lab.probes import Ruling


class Seen(NamedTuple):
    returned: str
    ran_when_called: bool
    ran_in_the_loop: bool
    plain_function_ran_when_called: bool


def observe() -> Seen:
    ran: list[str] = []

    async def task() -> None:
        ran.append("task")

    def plain() -> None:
        ran.append("plain")

    called = task()
    early = "task" in ran
    plain()
    plainly = "plain" in ran
    asyncio.run(called)
    return Seen(type(called).__name__, early, "task" in ran, plainly)


def judge(seen: Seen) -> Ruling:
    lazy = seen.returned == "coroutine" and not seen.ran_when_called
    if not seen.ran_in_the_loop:
        return Ruling(None, control=False)
    return Ruling(lazy, control=seen.plain_function_ran_when_called)
