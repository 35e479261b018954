"""The lab's select server, which takes all clients that wait in the backlog, and not one at a wake.

Run by `multi-accept` (python -m servers takes a module's name); everything but the loop around
accept() is as in servers/select_loop.py.
"""

import select
import socket

from servers.core.channel import Channel
from servers.core.contract import NewConnection, refuse
from servers.select_loop import FD_SETSIZE


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    listener.setblocking(False)
    door = listener.fileno()
    channels: dict[int, Channel] = {}
    reading, writing = [door], list[int]()

    def accept_all() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except BlockingIOError:
                return
            if client.fileno() >= FD_SETSIZE:
                refuse(client)
                continue
            channels[client.fileno()] = Channel(client, new_connection)
            reading.append(client.fileno())

    while True:
        readable, writable, _ = select.select(reading, writing, [])
        for fd in readable + writable:
            if fd == door:
                accept_all()
                continue
            channel = channels[fd]
            waited_in = writing if channel.wants_write else reading
            if channel.advance():
                waited_in.remove(fd)
                if channel.closed:
                    del channels[fd]
                    channel.close()
                else:
                    (writing if channel.wants_write else reading).append(fd)
