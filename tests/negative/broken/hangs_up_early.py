"""poll that takes a half-closed connection, POLLRDHUP, for a client that is gone."""

import select

from servers.core.channel import Channel


def serve(listener, new_connection, workers):
    poller = select.poll()
    poller.register(listener, select.POLLIN)
    channels = {}
    while True:
        for fd, events in poller.poll():
            if fd == listener.fileno():
                client, _ = listener.accept()
                channels[client.fileno()] = Channel(client, new_connection)
                poller.register(client, select.POLLIN | select.POLLRDHUP)
            elif channels[fd].advance() or events & select.POLLRDHUP:
                if channels[fd].wants_write and not events & select.POLLRDHUP:
                    poller.modify(fd, select.POLLOUT | select.POLLRDHUP)
                elif channels[fd].closed or events & select.POLLRDHUP:
                    poller.unregister(fd)
                    channels.pop(fd).close()
                else:
                    poller.modify(fd, select.POLLIN | select.POLLRDHUP)
