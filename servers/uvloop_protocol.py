"""uvloop: the very same protocol class as asyncio_protocol; the loop is libuv, in C.

What waits       the loop, in epoll_pwait(), for all clients together; not in Python.
Served meanwhile whoever is ready, one callback after the other; jobs run in a pool of threads.
One more client  costs what asyncio's does, the transport in C: between wake and callback no Python.
Breaks           where a callback waits or computes, as there: it is still one thread, and Python.
                 It reads 250 KiB at a time, where all others read 64: its buffer is its own affair.
"""

import asyncio
import socket

import uvloop

from servers.asyncio_protocol import accept
from servers.core.contract import NewConnection


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(accept(listener, new_connection))
