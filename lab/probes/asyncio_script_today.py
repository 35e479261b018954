"""The notes' two asyncio scripts run, and the old form is equal to the new: not on today's Python.

Looked at: both scripts (7) as they stand, with sleeps of a tenth: how each ends, on this Python.
Control: the same coroutines under asyncio.run() and gather() end well.
Source: docs.python.org, "What's New In Python 3.11": @asyncio.coroutine is removed, and wait()
takes no coroutines; 3.14: get_event_loop() makes no loop.
"""

import platform
import subprocess
import sys
from typing import NamedTuple

from lab.probes import Ruling

OLD = """
import time
import asyncio
@asyncio.coroutine
def task():
    yield from asyncio.sleep(0.1)
loop = asyncio.get_event_loop()
t = [task(), task()]
loop.run_until_complete(asyncio.wait(t))
loop.close()
"""
COROUTINES = """
import asyncio
async def task():
    await asyncio.sleep(0.3)
async def task2():
    await asyncio.sleep(0.2)
"""
NEW = """
loop = asyncio.get_event_loop()
t = [task(), task2()]
loop.run_until_complete(asyncio.wait(t))
loop.close()
"""
TODAY = """
async def main():
    await asyncio.gather(task(), task2())
asyncio.run(main())
"""


class Seen(NamedTuple):
    python: str
    old_script: str
    new_script: str
    written_for_today: str


def observe() -> Seen:
    scripts = (OLD, COROUTINES + NEW, COROUTINES + TODAY)
    return Seen(platform.python_version(), *map(_end, scripts))


def judge(seen: Seen) -> Ruling:
    minor = int(seen.python.split(".")[1]) if seen.python.count(".") == 2 else 0
    if not minor:
        return Ruling(None, control=False)
    both = seen.old_script == seen.new_script == "ends well"
    return Ruling(both, control=seen.written_for_today == "ends well")


def _end(script: str) -> str:
    """Say how a script ends: well, or with which error."""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    errors = [line for line in done.stderr.splitlines() if "Error: " in line]
    if done.returncode == 0:
        return "ends well"
    return errors[-1] if errors else f"exit code {done.returncode}"
