"""FastAPI: a whole framework, for reference, on uvicorn and its httptools; one asyncio loop.

What waits       the only thread, in epoll_wait(), inside asyncio, below uvicorn.
Served meanwhile whoever is ready; a plain `def` runs in a pool of 40 threads, as Starlette has it.
One more client  costs uvicorn's protocol object, and each of its requests a task and six layers.
Breaks           as all loops do, where an `async def` blocks; before, in the CPU of a request.

It parses for itself, so no claim compares its waiting. Who half-closes loses the answer to uvicorn.
"""

import socket

from fastapi import FastAPI, HTTPException, Request, Response
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect

from servers.core.asgi import run
from servers.core.contract import NewConnection
from servers.protocols.http_head import BODY_SIZE
from servers.protocols.http_paths import NUMBERED

READ = ["GET", "HEAD"]

app = FastAPI(openapi_url=None)
app.add_middleware(RequestBodyLimitMiddleware, max_body_size=BODY_SIZE)


def answer(body: bytes) -> Response:
    return Response(body, media_type="application/octet-stream")


def work(name: bytes, number: int) -> Response:
    """The same work as in our own HTTP, with the same limits."""
    if number > NUMBERED[name].limit:
        raise HTTPException(404)
    return answer(bytes(NUMBERED[name].perform(number, bytearray())))


@app.exception_handler(ClientDisconnect)
def gone(_request: Request, _gone: Exception) -> Response:  # nobody reads it, and nobody logs it
    return Response()


@app.api_route("/echo", methods=[*READ, "POST"])
async def echo(request: Request) -> Response:
    return answer((await request.body()).upper())


@app.api_route("/bytes/{number:int}", methods=READ)
async def send(number: int) -> Response:
    return work(b"bytes", number)


@app.api_route("/cpu/{number:int}", methods=READ)
async def burn(number: int) -> Response:
    return work(b"cpu", number)


@app.api_route("/block/{number:int}", methods=READ)
async def block(number: int) -> Response:  # the trap: the loop sleeps, and all with it
    return work(b"block", number)


@app.api_route("/offload/{number:int}", methods=READ)
def offload(number: int) -> Response:
    return work(b"offload", number)


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del new_connection, workers
    run(app, listener)
