"""poll: select without the bit sets, so without their size.

What waits       the only thread, in poll(), for all clients together.
Served meanwhile whoever is ready, one after the other: nobody waits for a silent neighbour.
One more client  costs every wake: an array of (descriptor, events, result) is copied in; the kernel
                 looks at every entry, and the array is gone through again for the results.
Breaks           at the open-file limit, no sooner. With many silent clients it slows, like select.
"""

import select
import socket
from select import POLLIN, POLLOUT

from servers.core.channel import Channel
from servers.core.contract import NewConnection


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    listener.setblocking(False)
    door = listener.fileno()
    channels: dict[int, Channel] = {}
    poller = select.poll()  # Python keeps the array between calls; the kernel keeps nothing
    poller.register(door, POLLIN)
    while True:
        for fd, _ in poller.poll():
            if fd == door:
                try:
                    client, _ = listener.accept()
                except BlockingIOError:
                    continue
                channels[client.fileno()] = Channel(client, new_connection)
                poller.register(client.fileno(), POLLIN)
                continue
            channel = channels[fd]
            if channel.advance():
                if channel.closed:
                    poller.unregister(fd)
                    del channels[fd]
                    channel.close()
                else:
                    poller.modify(fd, POLLOUT if channel.wants_write else POLLIN)
