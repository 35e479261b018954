"""poll that asks for room to write also when it has nothing to send: always ready, always awake."""

from servers import poll_loop

poll_loop.POLLIN |= poll_loop.POLLOUT
serve = poll_loop.serve
