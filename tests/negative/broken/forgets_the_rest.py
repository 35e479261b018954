"""epoll that takes a short send() for a whole one."""

from servers import epoll_loop
from servers.core.channel import Channel


class Forgetful(Channel):
    __slots__ = ()

    def advance(self):
        changed = super().advance()
        if self.wants_write:
            self.unsent, self.wants_write = b"", False
            self.closed = self.connection.closed
            return self.closed
        return changed


epoll_loop.Channel = Forgetful
serve = epoll_loop.serve
