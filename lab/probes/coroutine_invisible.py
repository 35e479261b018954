"""The operating system does not see coroutines switch.

Looked at: the system calls, under strace, of 100 000 switches between two generators, and between
two greenlets; in asyncio, where the loop asks epoll once per round however many tasks there are,
of 100 tasks that switch 100 times each.
Control: two threads that hand a lock to and fro 1000 times need a call for every other one at
least.
Source: greenlet.readthedocs.io; futex(2).
"""

from typing import NamedTuple

from lab.probes import Absent, Ruling
from lab.probes._kit import system_calls
from servers.needs import missing

SWITCHES, HANDS, TASKS, ROUNDS = 100_000, 1000, 100, 100
GENERATORS = f"""
import os
def endless():
    while True: yield
first, second = endless(), endless()
def switch(times):
    for _ in range(times // 2): next(first); next(second)
switch(1000)
os.getppid(); switch({SWITCHES}); os.getppid()
"""
GREENLETS = f"""
import os
from greenlet import greenlet, getcurrent
main = getcurrent()
def endless():
    while True: main.switch()
first, second = greenlet(endless), greenlet(endless)
def switch(times):
    for _ in range(times // 2): first.switch(); second.switch()
switch(1000)
os.getppid(); switch({SWITCHES}); os.getppid()
"""
ASYNCIO = f"""
import asyncio, os
async def switch():
    for _ in range({ROUNDS}): await asyncio.sleep(0)
async def main():
    await asyncio.gather(*(switch() for _ in range({TASKS})))
    os.getppid(); await asyncio.gather(*(switch() for _ in range({TASKS}))); os.getppid()
asyncio.run(main())
"""
THREADS = f"""
import os, threading
locks = [threading.Lock(), threading.Lock()]
def hand(mine, other):
    for _ in range({HANDS}): locks[mine].acquire(); locks[other].release()
locks[1].acquire()
thread = threading.Thread(target=hand, args=(1, 0))
thread.start()
os.getppid(); hand(0, 1); os.getppid()
thread.join()
"""


class Seen(NamedTuple):
    switches: int
    calls_of_generators: int
    calls_of_greenlets: int
    switches_in_asyncio: int
    calls_of_asyncio: int
    switches_of_threads: int
    calls_of_threads: int


def observe() -> Seen:
    if lack := missing("greenlet"):
        raise Absent(lack)
    calls = [sum(system_calls(code).values()) for code in (GENERATORS, GREENLETS, ASYNCIO, THREADS)]
    return Seen._make([SWITCHES, *calls[:2], TASKS * ROUNDS, calls[2], HANDS, calls[3]])


def judge(seen: Seen) -> Ruling:
    unseen = seen.calls_of_generators == seen.calls_of_greenlets == 0 < seen.switches
    rounds = seen.calls_of_asyncio < seen.switches_in_asyncio / 20
    return Ruling(unseen and rounds, control=seen.calls_of_threads > seen.switches_of_threads / 2)
