"""epoll that leaves a client in the backlog when it has no descriptor, and is woken again."""

import socket

from servers import epoll_loop


class Plain:
    def __init__(self, listener):
        self.listener = listener
        self.fileno, self.setblocking = listener.fileno, listener.setblocking

    def accept(self):
        try:
            return socket.socket.accept(self.listener)
        except OSError as error:  # EMFILE among them
            raise BlockingIOError from error


def serve(listener, new_connection, workers):
    epoll_loop.serve(Plain(listener), new_connection, workers)
