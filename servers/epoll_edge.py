"""epoll, edge-triggered: an event is news, told once, so all there is must be taken at once.

What waits       the only thread, in epoll_wait(), for all clients together.
Served meanwhile who has news, one after the other, each until the kernel says "not now".
One more client  costs one epoll_ctl() in its life, as both directions are watched from the start,
                 but each of its requests one more recv(), the one that finds nothing.
Breaks           by starvation: with who sends faster than it is served it is never done, and nobody
                 else has a turn (epoll(7) asks for a ready list of one's own). And by one byte left
                 behind: nobody tells of it again.
"""

import select
import socket
from select import EPOLLET, EPOLLIN, EPOLLOUT

from servers.core.channel import Channel
from servers.core.contract import NewConnection


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    listener.setblocking(False)
    door = listener.fileno()
    channels: dict[int, Channel] = {}
    poller = select.epoll()
    poller.register(door, EPOLLIN | EPOLLET)

    def accept_all() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except BlockingIOError:
                return
            channels[client.fileno()] = Channel(client, new_connection)
            # Bytes that are there already are news, too: registering looks, epoll_ctl(2).
            poller.register(client.fileno(), EPOLLIN | EPOLLOUT | EPOLLET)

    while True:
        for fd, _ in poller.poll():
            if fd == door:
                accept_all()
                continue
            channel = channels[fd]
            channel.blocked = False
            while not (channel.blocked or channel.closed):
                # Whether the news was room or bytes: once the rest of an answer is out it must read
                # on, for the edge of bytes that came meanwhile has passed, epoll(7) Q9.
                channel.advance()
            if channel.closed:
                poller.unregister(fd)
                del channels[fd]
                channel.close()
