"""One ASGI application under uvicorn: what the frameworks that do not listen themselves share.

The end is uvicorn's: it drops whoever half-closes, and so would drop everybody at the end that the
models share (servers.core.ending). On SIGTERM it closes the listener and all idle clients, answers
the others, closes them, too, and raises the signal again; an alarm bounds all that.
"""

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

from uvicorn import Config, Server

from servers.core.contract import BACKLOG
from servers.core.ending import GRACE, finish, leave_it_to_main

SILENCE = 86_400  # seconds a client may be silent; uvicorn's own 5 would end an idle connection


class BoundedServer(Server):
    """Ends in GRACE seconds even when its loop is blocked, or a client does not read."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGALRM, lambda _signum, _frame: finish())
        signal.setitimer(signal.ITIMER_REAL, GRACE)
        super().handle_exit(sig, frame)


def run(application: Callable[..., Any], listener: socket.socket) -> None:
    """Serve on our listener, by one plain asyncio loop, saying nothing, until SIGTERM."""
    config = Config(
        application,
        loop="asyncio",
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="error",  # a request that is none is its client's fault, and not worth a line
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=SILENCE,
    )
    leave_it_to_main()
    vars(listener)["listen"] = lambda _: None  # asyncio would listen anew, with its own backlog
    # not asyncio.run(): it would wait for what the threads still do
    asyncio.new_event_loop().run_until_complete(BoundedServer(config).serve(sockets=[listener]))
