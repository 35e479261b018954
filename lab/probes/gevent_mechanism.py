"""gevent waits by select(): it waits by what its event library chooses, on Linux epoll.

Looked at: the backend that gevent's loop names, and the call in which a gevent server sleeps.
Control: told to use select (GEVENT_BACKEND), it sleeps in select(): so it could.
Source: gevent.org, "Configuration": GEVENT_BACKEND.
"""

import subprocess
import sys
from typing import NamedTuple

from lab.probes import Absent, Ruling
from lab.probes._kit import asleep_in, serving
from servers.needs import missing

SLEEPER = "import gevent; print(gevent.get_hub().loop.backend, flush=True); gevent.sleep(60)"


class Seen(NamedTuple):
    backend: str
    asleep_in: str
    server_asleep_in: str
    backend_when_told: str
    asleep_in_when_told: str


def observe() -> Seen:
    if lack := missing("gevent"):
        raise Absent(lack)
    with serving("gevent") as target:
        server = asleep_in(target.pid)
    return Seen(*_sleeper(SLEEPER), server, *_sleeper(_told() + SLEEPER))


def judge(seen: Seen) -> Ruling:
    ways = (seen.asleep_in, seen.server_asleep_in)
    told = (seen.backend_when_told, seen.asleep_in_when_told) == ("select", "select")
    if ways == ("select", "select") and seen.backend == "select":
        return Ruling(holds=True, control=told)
    other = ways == ("epoll_wait", "epoll_wait") and seen.backend == "epoll"
    return Ruling(False if other else None, control=told)


def _told() -> str:
    return "import os; os.environ['GEVENT_BACKEND'] = 'select'; "


def _sleeper(code: str) -> tuple[str, str]:
    """Return the backend that a gevent program names, and the call in which it sleeps."""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            backend = process.stdout.readline().decode().strip()
            return backend or "none", asleep_in(process.pid)
        finally:
            process.kill()
