"""Sanic: a whole framework, for reference, on its own HTTP server; one asyncio loop, not uvloop.

What waits       the only thread, in epoll_wait(), inside asyncio.
Served meanwhile whoever is ready; what would block runs in the loop's pool of threads.
One more client  costs a task and a protocol object that parses in Python.
Breaks           as all loops do, where a handler blocks; before, in the CPU of a request.

It parses for itself: no claim compares its waiting. It drops who half-closes, as the end that the
models share does with all: so it ends by itself, closing the idle ones and awaiting the others.
"""

import asyncio
import signal
import socket
from typing import Any

from sanic import HTTPResponse, Request, Sanic
from sanic.exceptions import NotFound
from sanic.response import raw

from servers.core.contract import NewConnection
from servers.core.ending import ENDING, GRACE, TICK, finish, leave_it_to_main
from servers.protocols.http_head import BODY_SIZE
from servers.protocols.http_paths import NUMBERED

SILENCE = 86_400  # seconds a client may be silent; Sanic's own 120 would end an idle one
app = Sanic("lab", configure_logging=False)
app.config.REQUEST_MAX_SIZE = BODY_SIZE
app.config.KEEP_ALIVE_TIMEOUT = app.config.REQUEST_TIMEOUT = app.config.RESPONSE_TIMEOUT = SILENCE


def work(name: bytes, number: int) -> HTTPResponse:
    """The same work as in our own HTTP, with the same limits."""
    if not 0 <= number <= NUMBERED[name].limit:
        raise NotFound
    return raw(bytes(NUMBERED[name].perform(number, bytearray())))


@app.route("/echo", methods=["GET", "HEAD", "POST"])
async def echo(request: Request) -> HTTPResponse:
    return raw(request.body.upper())


@app.route("/<name:bytes|cpu|block>/<number:int>", methods=["GET", "HEAD"])
async def here(_request: Request, name: str, number: int) -> HTTPResponse:
    return work(name.encode(), number)  # block: the trap: the loop sleeps, and all with it


@app.route("/offload/<number:int>", methods=["GET", "HEAD"])
async def offload(_request: Request, number: int) -> HTTPResponse:
    return await asyncio.get_running_loop().run_in_executor(None, work, b"offload", number)


async def run(listener: socket.socket) -> None:
    told, loop, later = asyncio.Event(), asyncio.get_running_loop(), {"start_serving": False}
    vars(listener)["listen"] = lambda _: None  # asyncio would listen anew, with its own backlog
    server: Any = await app.create_server(sock=listener, asyncio_server_kwargs=later)
    await server.startup()

    def leave(*_: object) -> None:
        signal.signal(signal.SIGALRM, lambda *_: finish())
        signal.setitimer(signal.ITIMER_REAL, GRACE)
        loop.call_soon_threadsafe(told.set)

    for number in ENDING:
        signal.signal(number, leave)
    leave_it_to_main()
    await server.start_serving()
    await told.wait()
    await asyncio.sleep(TICK)  # what has come already is read
    server.close()
    while server.connections:
        for connection in list(server.connections):
            connection.close_if_idle()
        await asyncio.sleep(TICK)


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del new_connection, workers
    asyncio.new_event_loop().run_until_complete(run(listener))
