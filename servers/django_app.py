"""Django: a whole framework, for reference, on uvicorn and its httptools; one asyncio loop.

By ASGI: under WSGI it has no server but for development, and the waiting would be another's.

What waits       the only thread, in epoll_wait(), inside asyncio, below uvicorn.
Served meanwhile whoever is ready; a plain `def` view runs in a thread of its request's own.
One more client  costs uvicorn's protocol object; each request costs three tasks and a thread, in
                 which Django closes the response.
Breaks           as all loops do, where an `async def` blocks; before, in the CPU of a request.

It parses for itself, so no claim compares its waiting. Who half-closes loses the answer to uvicorn.
"""

import socket

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators import http as only

from servers.core.asgi import run
from servers.core.contract import NewConnection
from servers.protocols.http_head import BODY_SIZE
from servers.protocols.http_paths import NUMBERED

TYPE = "application/octet-stream"


def answer(body: bytes) -> HttpResponse:
    return HttpResponse(body, content_type=TYPE, headers={"Content-Length": len(body)})


def work(name: bytes, number: int) -> HttpResponse:
    """The same work as in our own HTTP, with the same limits."""
    if number > NUMBERED[name].limit:
        raise Http404
    return answer(bytes(NUMBERED[name].perform(number, bytearray())))


async def echo(request: HttpRequest) -> HttpResponse:
    try:
        return answer(request.body.upper())
    except RequestDataTooBig:
        return HttpResponse(status=413, headers={"Content-Length": 0, "Connection": "close"})


async def send(_request: HttpRequest, number: int) -> HttpResponse:
    return work(b"bytes", number)


async def burn(_request: HttpRequest, number: int) -> HttpResponse:
    return work(b"cpu", number)


async def block(_request: HttpRequest, number: int) -> HttpResponse:
    return work(b"block", number)  # the trap: the loop sleeps, and all with it


def offload(_request: HttpRequest, number: int) -> HttpResponse:
    return work(b"offload", number)


urlpatterns = [
    path("echo", only.require_http_methods(["GET", "HEAD", "POST"])(echo)),
    path("bytes/<int:number>", only.require_safe(send)),
    path("cpu/<int:number>", only.require_safe(burn)),
    path("block/<int:number>", only.require_safe(block)),
    path("offload/<int:number>", only.require_safe(offload)),
]


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del new_connection, workers
    sizes = {"DATA_UPLOAD_MAX_MEMORY_SIZE": BODY_SIZE, "FILE_UPLOAD_MAX_MEMORY_SIZE": BODY_SIZE}
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], **sizes)
    run(get_asgi_application(), listener)
