"""The notes' gevent scripts (5.2, 5.3): two coroutines that sleep; prints lines and seconds.

python -m lab.probes._programs.eat_play HOW EAT_S PLAY_S, where HOW says what they sleep in and when
time is patched: gevent (gevent.sleep), unpatched, first, module-first (import time, then patch),
name-first (from time import sleep, then patch).
"""

# ruff: noqa: E402 - the order of imports is what is looked at

import sys

HOW, EAT_S, PLAY_S = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
if HOW == "first":
    from gevent import monkey

    monkey.patch_all()
import time
from time import sleep

if HOW in {"module-first", "name-first"}:
    from gevent import monkey

    monkey.patch_all()
import gevent

WAITS = {"gevent": gevent.sleep, "name-first": sleep}


def wait(wait_s: float) -> None:
    WAITS.get(HOW, time.sleep)(wait_s)


def eat(name: str) -> None:
    print(f"{name} eat 1", end=", ")
    wait(EAT_S)
    print(f"{name} eat 2", end=", ")


def play(name: str) -> None:
    print(f"{name} play 1", end=", ")
    wait(PLAY_S)
    print(f"{name} play 2", end=", ")


if __name__ == "__main__":
    start = time.monotonic()
    e = gevent.spawn(eat, "lqz")
    p = gevent.spawn(play, name="lqz")
    e.join()
    p.join()
    print(f"main\n{time.monotonic() - start}")
