"""selectors: the reactor with callbacks, as in the notes; each descriptor comes with what to call.

What waits       the only thread, in the best wait there is, here epoll_wait(), for all clients.
Served meanwhile whoever is ready, one callback after the other: each must return, and soon.
One more client  costs what epoll takes, and a key with its callback: a few small Python objects.
Breaks           at the open-file limit. Keys are looked up and calls made for each ready client.
"""

import socket
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector

from servers.core.channel import Channel
from servers.core.contract import NewConnection


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    listener.setblocking(False)
    selector = DefaultSelector()  # epoll on Linux, kqueue on BSD and macOS; level-triggered

    def accept() -> None:
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return
        channel = Channel(client, new_connection)
        selector.register(client, EVENT_READ, partial(go_on, channel))

    def go_on(channel: Channel) -> None:
        if channel.advance():
            if channel.closed:
                selector.unregister(channel.client)
                channel.close()
            else:
                events = EVENT_WRITE if channel.wants_write else EVENT_READ
                selector.modify(channel.client, events, partial(go_on, channel))

    selector.register(listener, EVENT_READ, accept)
    while True:
        for key, _ in selector.select():
            key.data()
