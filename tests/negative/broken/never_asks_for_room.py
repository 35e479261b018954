"""epoll that reads on, keeps what send() left, and tries again only when the client speaks."""

from servers import epoll_loop
from servers.core.channel import Channel
from servers.core.contract import GONE, RECEIVE_SIZE


class Patient(Channel):
    __slots__ = ()

    def advance(self):
        try:
            said = self.client.recv(RECEIVE_SIZE)
            self.unsent = bytes(self.unsent) + self.connection.receive(said)
            self.unsent = self.unsent[self.client.send(self.unsent) :]
        except BlockingIOError:
            pass
        except GONE:
            self.closed = True
        self.closed = self.closed or self.connection.closed
        return self.closed


epoll_loop.Channel = Patient
serve = epoll_loop.serve
