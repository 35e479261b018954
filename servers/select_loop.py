"""select: one thread asks about all descriptors at once, and says each time which ones.

What waits       the only thread, in select(), for all clients together.
Served meanwhile whoever is ready, one after the other: nobody waits for a silent neighbour.
One more client  costs every wake: lists become bit sets and are copied in; the kernel looks at
                 every descriptor in them, the sets are copied out and gone through again.
Breaks           at descriptor number 1024: a set has no bit for it, so that client is refused.
"""

import select
import socket

from servers.core.channel import Channel
from servers.core.contract import NewConnection, refuse

FD_SETSIZE = 1024  # bits in glibc's fd_set, select(2); it limits the number, not how many


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    listener.setblocking(False)
    door = listener.fileno()
    channels: dict[int, Channel] = {}
    reading, writing = [door], list[int]()  # what select() is told anew each time
    while True:
        readable, writable, _ = select.select(reading, writing, [])
        for fd in readable + writable:
            if fd == door:
                try:
                    client, _ = listener.accept()
                except BlockingIOError:
                    continue
                if client.fileno() >= FD_SETSIZE:
                    refuse(client)
                    continue
                channels[client.fileno()] = Channel(client, new_connection)
                reading.append(client.fileno())
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
