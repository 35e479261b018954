"""epoll that watches its door by edges, and lets one client in for each."""

import select

from servers.core.channel import Channel


def serve(listener, new_connection, workers):
    listener.setblocking(False)
    poller = select.epoll()
    poller.register(listener.fileno(), select.EPOLLIN | select.EPOLLET)
    channels = {}
    while True:
        for fd, _ in poller.poll():
            if fd == listener.fileno():
                client, _ = listener.accept()
                channels[client.fileno()] = Channel(client, new_connection)
                poller.register(client.fileno(), select.EPOLLIN)
            elif channels[fd].advance():
                if channels[fd].closed:
                    channels.pop(fd).close()
                else:
                    wanted = select.EPOLLOUT if channels[fd].wants_write else select.EPOLLIN
                    poller.modify(fd, wanted)
