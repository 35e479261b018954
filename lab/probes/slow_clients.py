"""A server with an event loop survives slow clients; a pool of threads does not.

Looked at: ten clients that each send a byte of a request of HTTP every tenth of a second, without
coming to its end. Does a good client, who comes behind them, get its answer in a second: from a
pool of ten threads, and from a loop over epoll?
Control: with nine slow clients the pool has a thread left, and answers.
Source: none needed; a thread of the pool is its client's until that hangs up.
"""

import socket
from contextlib import ExitStack
from threading import Event, Thread
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import SILENCE_S, serving
from servers.catalog import PROTOCOLS

POOL = 10  # threads
EVERY_S = 0.1  # between two bytes of a slow client
HTTP = PROTOCOLS["http"]
ENDLESS = b"GET /echo HTTP/1.1\r\nHost: lab\r\nX-Slow: " + b"a" * 1000


class Seen(NamedTuple):
    answered_by_the_pool: bool
    answered_by_epoll: bool
    answered_by_the_pool_with_a_thread_left: bool


def observe() -> Seen:
    return Seen(
        _answered("thread-pool", POOL),
        _answered("epoll", POOL),
        _answered("thread-pool", POOL - 1),
    )


def judge(seen: Seen) -> Ruling:
    holds = seen.answered_by_epoll and not seen.answered_by_the_pool
    return Ruling(holds, control=seen.answered_by_the_pool_with_a_thread_left)


def _answered(server: str, slow: int) -> bool:
    """Is a good client answered that comes behind so many slow ones?"""
    with serving(server, "http", workers=POOL) as target, ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(target.address)) for _ in range(slow)
        ]
        over = Event()
        slowly = Thread(target=_dribble, args=[clients, over])
        slowly.start()
        stack.callback(slowly.join)
        stack.callback(over.set)
        good = stack.enter_context(socket.create_connection(target.address))
        good.settimeout(SILENCE_S)
        good.sendall(HTTP.question)
        try:
            return good.recv(len(HTTP.answer)).startswith(b"HTTP/1.1 200")
        except TimeoutError:
            return False


def _dribble(clients: list[socket.socket], over: Event) -> None:
    for place in range(len(ENDLESS)):
        for client in clients:
            client.send(ENDLESS[place : place + 1])
        if over.wait(EVERY_S):
            return
