"""The lab's epoll server, which gives up who is silent for five seconds.

Run by `timeouts-reorder`; everything but the deadlines is as in servers/epoll_loop.py. All have the
same time, so that a dict in the order of the last step is a queue of deadlines: a step costs two
changes of it, and only its first entry is looked at.
"""

import select
import socket
from itertools import takewhile
from select import EPOLLIN, EPOLLOUT
from time import monotonic

from servers.core.channel import Channel
from servers.core.contract import NewConnection

TIMEOUT_S = 5.0


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    listener.setblocking(False)
    door = listener.fileno()
    channels: dict[int, Channel] = {}
    deadlines: dict[int, float] = {}  # the first one first
    poller = select.epoll()
    poller.register(door, EPOLLIN)

    def end(fd: int) -> None:
        poller.unregister(fd)
        del deadlines[fd]
        channels.pop(fd).close()

    while True:
        first = next(iter(deadlines.values()), None)
        events = poller.poll(None if first is None else max(0.0, first - monotonic()))
        now = monotonic()
        for fd, _ in events:
            if fd == door:
                try:
                    client, _ = listener.accept()
                except BlockingIOError:
                    continue
                channels[client.fileno()] = Channel(client, new_connection)
                deadlines[client.fileno()] = now + TIMEOUT_S
                poller.register(client.fileno(), EPOLLIN)
                continue
            channel = channels[fd]
            del deadlines[fd]
            deadlines[fd] = now + TIMEOUT_S  # behind all others
            if channel.advance():
                if channel.closed:
                    end(fd)
                else:
                    poller.modify(fd, EPOLLOUT if channel.wants_write else EPOLLIN)
        for fd in passed(deadlines, now):
            end(fd)


def passed(deadlines: dict[int, float], now: float) -> list[int]:
    """Return those at the front whose time is over."""
    return [fd for fd, _ in takewhile(lambda due: due[1] <= now, deadlines.items())]
