"""FastAPI, Django, Sanic and Tornado are asynchronous: while one request waits, another is served.

Looked at: one worker of each, and a handler that awaits 0.3 s: how long two requests take that are
sent at the same time.
Control: a handler that blocks for 0.3 s, in the same server: they take both times.
Source: the frameworks' documentation; docs.djangoproject.com, releases 3.0 (ASGI) and 3.1 (views).
"""

import socket
import time
from contextlib import ExitStack
from typing import NamedTuple

from lab.probes import Absent, Ruling
from lab.probes._kit import ANSWER_S, like, serving
from servers.needs import missing

WAIT_S, REQUESTS = 0.3, 2


class Seen(NamedTuple):
    each_waits_s: float
    fastapi_awaiting_s: float
    django_awaiting_s: float
    sanic_awaiting_s: float
    tornado_awaiting_s: float
    fastapi_blocking_s: float
    django_blocking_s: float
    sanic_blocking_s: float
    tornado_blocking_s: float


def observe() -> Seen:
    names = ("fastapi", "django", "sanic", "tornado")
    for need in names:
        if lack := missing(need):
            raise Absent(lack)
    awaiting, blocking = [], []
    for name in names:
        with serving(name, "http", workers=1) as target:
            _both(target.address, "block", 0)  # whatever is done once, is done
            awaiting.append(_both(target.address, "offload", WAIT_S))
            blocking.append(_both(target.address, "block", WAIT_S))
    return Seen(WAIT_S, *awaiting, *blocking)


def judge(seen: Seen) -> Ruling:
    one, both = seen.each_waits_s, REQUESTS * seen.each_waits_s
    awaiting, blocking = (
        [like(took, one, both) for took in part] for part in (seen[1:5], seen[5:])
    )
    control = one > 0 and blocking == [False] * 4
    return Ruling(None if None in awaiting else all(awaiting), control)


def _both(address: tuple[str, int], path: str, wait_s: float) -> float:
    """Return how long it takes until both requests are answered."""
    request = f"GET /{path}/{wait_s * 1000:.0f} HTTP/1.1\r\nHost: lab\r\n\r\n".encode()
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(address, ANSWER_S))
            for _ in range(REQUESTS)
        ]
        start = time.monotonic()
        for client in clients:
            client.sendall(request)
        for client in clients:
            if b" 200 " not in client.recv(4096):
                return 0.0
        return time.monotonic() - start
