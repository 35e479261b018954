"""Edge-triggered epoll that takes one step per edge, where more may be there to read."""

import select

from servers.core.channel import Channel


def serve(listener, new_connection, workers):
    listener.setblocking(False)
    poller = select.epoll()
    poller.register(listener.fileno(), select.EPOLLIN)
    channels = {}
    while True:
        for fd, _ in poller.poll():
            if fd == listener.fileno():
                client, _ = listener.accept()
                channels[client.fileno()] = Channel(client, new_connection)
                edges = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET
                poller.register(client.fileno(), edges)
            elif channels[fd].advance() and channels[fd].closed:
                channels.pop(fd).close()
