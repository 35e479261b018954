"""Signal-driven I/O (SIGIO), as in the notes: the kernel sends a signal that names the client.

What waits       the only thread, in sigwaitinfo(), for the next signal; they are blocked elsewhere.
Served meanwhile who was named, one after the other, each until the kernel says "not now": a signal
                 tells news, like an edge, and is a hint only, as several may name one client.
One more client  costs a few fcntl() when it comes; each of its packets a signal, and a call for it.
Breaks           when the user's queue of signals is full (RLIMIT_SIGPENDING): one SIGIO then stands
                 for all that are lost, fcntl(2), and everybody must be looked at.
"""

import ctypes
import os
import signal
import socket
from contextlib import suppress
from fcntl import F_SETFL, F_SETOWN, F_SETSIG, fcntl

from servers.core.channel import Channel
from servers.core.contract import NewConnection

NEWS = signal.SIGRTMIN  # it queues and names the descriptor, as SIGIO does not: fcntl(2) F_SETSIG
BLOCKED = (ctypes.c_uint64 * 16)(1 << NEWS - 1 | 1 << signal.SIGIO - 1)  # sigset_t of glibc


class Told(ctypes.Structure):
    """siginfo_t, sigaction(2), as the descriptor is missing in Python's."""

    class Poll(ctypes.Structure):
        _fields_ = (("band", ctypes.c_long), ("fd", ctypes.c_int))

    _fields_ = (("head", ctypes.c_int * 3), ("poll", Poll), ("rest", ctypes.c_byte * 128))


def watch(fd: int) -> None:
    fcntl(fd, F_SETSIG, NEWS)
    fcntl(fd, F_SETOWN, os.getpid())
    fcntl(fd, F_SETFL, os.O_ASYNC | os.O_NONBLOCK)


def drain(channel: Channel) -> None:
    channel.blocked = False
    while not (channel.blocked or channel.closed):
        channel.advance()


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    signal.pthread_sigmask(signal.SIG_BLOCK, {NEWS, signal.SIGIO})
    sigwaitinfo, told = ctypes.CDLL(None).sigwaitinfo, Told()
    door = listener.fileno()
    channels: dict[int, Channel] = {}

    def look(fd: int) -> None:
        if fd == door:
            accept_all()
        elif fd in channels:  # else a late signal: that client has been closed
            drain(channels[fd])
            if channels[fd].closed:
                channels.pop(fd).close()

    def accept_all() -> None:
        with suppress(BlockingIOError):
            while True:
                client, _ = listener.accept()
                fd = client.fileno()
                channels[fd] = Channel(client, new_connection)
                watch(fd)
                look(fd)  # nobody tells what came before it was watched

    watch(door)
    accept_all()
    while True:
        if sigwaitinfo(BLOCKED, ctypes.byref(told)) == NEWS:
            look(told.poll.fd)
            continue
        # SIGIO: news has been lost. Or EINTR, Python has run a handler: when the end comes sockets
        # are shut, and no signal tells of that.
        for fd in [door, *channels]:
            look(fd)
