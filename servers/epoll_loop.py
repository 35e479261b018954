"""epoll, level-triggered: the kernel keeps the list, and names only those that are ready.

What waits       the only thread, in epoll_wait(), for all clients together.
Served meanwhile whoever is ready, one after the other: nobody waits for a silent neighbour.
One more client  costs one epoll_ctl() when it comes, and kernel memory; a silent one costs no wake.
Breaks           at the open-file limit. With few clients, all of them talking, the list is no gain.
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
            if channel.advance():
                if channel.closed:
                    # close() would do it, too, unless a copy of the descriptor lives, epoll(7) Q6
                    poller.unregister(fd)
                    del channels[fd]
                    channel.close()
                else:
                    poller.modify(fd, EPOLLOUT if channel.wants_write else EPOLLIN)
