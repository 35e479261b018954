"""Reactor and pool: one thread waits for all clients, a fixed number of threads serves them.

What waits       the reactor, in epoll_wait(), for all clients; idle pool threads, at their queue.
Served meanwhile everybody, as long as a thread is free: one may block or compute, the others go on.
One more client  costs what epoll takes, and no thread; each request two switches between threads,
                 and one epoll_ctl() to watch the client again.
Breaks           with as many blocking requests as threads. In Python only one of them computes.
"""

import select
import socket
from queue import SimpleQueue
from select import EPOLLIN, EPOLLONESHOT, EPOLLOUT
from threading import Thread

from servers.core.channel import Channel
from servers.core.contract import NewConnection

# A client is watched until its first event, then no more, epoll_ctl(2): it belongs to the thread
# that takes it, until that thread watches it again. So no client is ever with two threads, and no
# event is on its way for one that a thread closes.
READING, WRITING = EPOLLIN | EPOLLONESHOT, EPOLLOUT | EPOLLONESHOT


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    listener.setblocking(False)
    door = listener.fileno()
    channels: dict[int, Channel] = {}  # the reactor adds, whoever closes takes out: see there
    ready: SimpleQueue[Channel] = SimpleQueue()
    poller = select.epoll()  # all threads may call it, even while the reactor waits in it

    def work() -> None:
        while True:
            channel = ready.get()
            channel.advance()
            fd = channel.client.fileno()
            if channel.closed:
                poller.unregister(fd)
                del channels[fd]
                channel.close()  # last: from here on the number may be a new client's
            else:
                poller.modify(fd, WRITING if channel.wants_write else READING)

    for _ in range(workers):
        Thread(target=work, daemon=True).start()
    poller.register(door, EPOLLIN)
    while True:
        for fd, _ in poller.poll():
            if fd != door:
                ready.put(channels[fd])
                continue
            try:
                client, _ = listener.accept()
            except BlockingIOError:
                continue
            channels[client.fileno()] = Channel(client, new_connection)
            poller.register(client.fileno(), READING)
