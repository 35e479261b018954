"""epoll that serves a thousand clients, and refuses the next."""

from servers import epoll_loop
from servers.core.channel import Channel

alive = set()


class Capped(Channel):
    __slots__ = ()

    def advance(self):
        alive.add(id(self))
        if len(alive) > 1000:
            self.closed = True
            return True
        return super().advance()

    def close(self):
        alive.discard(id(self))
        super().close()


epoll_loop.Channel = Capped
serve = epoll_loop.serve
