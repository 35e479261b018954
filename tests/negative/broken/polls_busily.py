"""epoll that never waits: poll(0) says at once that there is nothing, again and again."""

import select
from types import SimpleNamespace

from servers import epoll_loop


class Busy:
    def __init__(self):
        self.poller = select.epoll()
        self.register, self.modify = self.poller.register, self.poller.modify
        self.unregister = self.poller.unregister

    def poll(self):
        return self.poller.poll(0)


epoll_loop.select = SimpleNamespace(epoll=Busy)
serve = epoll_loop.serve
