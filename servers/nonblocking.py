"""Non-blocking I/O (NIO), as in the notes: ask every client, all the time, whether it has spoken.

What waits       nobody: every call returns at once, mostly with "not now" (EAGAIN).
Served meanwhile everybody, in turn, by one thread that never sleeps.
One more client  costs one more recv() in every round, so the others wait longer for their turn.
Breaks           never, but one CPU is always busy: with nothing to do it is busy asking.
"""

import contextlib
import socket

from servers.core.channel import Channel
from servers.core.contract import NewConnection


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    listener.setblocking(False)
    channels: list[Channel] = []
    while True:
        with contextlib.suppress(BlockingIOError):
            client, _ = listener.accept()
            channels.append(Channel(client, new_connection))
        ended = False
        for channel in channels:
            if channel.advance() and channel.closed:
                channel.close()
                ended = True
        if ended:  # not while going through the list
            channels = [channel for channel in channels if not channel.closed]
