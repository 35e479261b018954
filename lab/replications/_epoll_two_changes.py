"""The lab's epoll server with two more epoll_ctl() for each event, to write and to read again.

So do servers that watch for one thing at a time. Run by `gammo-2004` (python -m servers takes a
module's name); everything but these two calls is as in servers/epoll_loop.py.
"""

import select
import socket
from select import EPOLLIN, EPOLLOUT

from servers.core.channel import Channel
from servers.core.contract import NewConnection


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    listener.setblocking(False)
    door = listener.fileno()
    channels: dict[int, Channel] = {}
    poller = select.epoll()
    poller.register(door, EPOLLIN)
    while True:
        for fd, _ in poller.poll():
            if fd == door:
                try:
                    client, _ = listener.accept()
                except BlockingIOError:
                    continue
                channels[client.fileno()] = Channel(client, new_connection)
                poller.register(client.fileno(), EPOLLIN)
                continue
            channel = channels[fd]
            poller.modify(fd, EPOLLOUT)
            poller.modify(fd, EPOLLIN)
            if channel.advance():
                if channel.closed:
                    poller.unregister(fd)
                    del channels[fd]
                    channel.close()
                else:
                    poller.modify(fd, EPOLLOUT if channel.wants_write else EPOLLIN)
