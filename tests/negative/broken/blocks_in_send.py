"""epoll over blocking sockets: one client that does not read stops it for all."""

import socket

from servers import epoll_loop
from servers.core.channel import Channel


class Blocking(Channel):
    __slots__ = ()

    def __init__(self, client: socket.socket, new_connection):
        super().__init__(client, new_connection)
        client.setblocking(True)


epoll_loop.Channel = Blocking
serve = epoll_loop.serve
