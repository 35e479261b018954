"""The one place where clients come in: every server gets the same listening socket.

Options go on the listener: on Linux an accepted socket inherits TCP_NODELAY, not non-blocking mode.
"""

import errno
import os
import socket
import time
from threading import Lock
from typing import Any

from servers.core.contract import BACKLOG, refuse

NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)
PAUSE = 0.01  # seconds; other threads hold every descriptor, the reserve too


class Listener(socket.socket):
    """A listening socket whose accept() copes with a full descriptor table.

    Left alone, EMFILE leaves the client in the backlog, and a loop is woken for it without end.
    So one descriptor is in reserve: given up to take the client in, had back by refusing it.
    """

    _lock = Lock()
    _reserve = -1

    def accept(self) -> tuple[socket.socket, Any]:
        while True:
            try:
                return super().accept()
            except ConnectionAbortedError:
                continue  # gone while it waited in the backlog, accept(2)
            except OSError as error:
                if error.errno not in NO_DESCRIPTOR:
                    raise
            with self._lock:
                if self._reserve < 0 and not self.hold_reserve():
                    time.sleep(PAUSE)
                    if self.getblocking():
                        continue
                    raise BlockingIOError(errno.EAGAIN, "no descriptor, not even in reserve")
                self.drop_reserve()
                try:
                    client, address = super().accept()
                except OSError as error:
                    self.hold_reserve()
                    if error.errno not in NO_DESCRIPTOR:
                        raise
                    time.sleep(PAUSE)
                    continue
                if self.hold_reserve():  # somebody left meanwhile: there is room after all
                    return client, address
                refuse(client)
                self.hold_reserve()

    def hold_reserve(self) -> bool:
        try:
            self._reserve = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        return True

    def drop_reserve(self) -> None:
        if self._reserve >= 0:
            os.close(self._reserve)
            self._reserve = -1


def open_listener(host: str, port: int, backlog: int, *, shared: bool = False) -> Listener:
    """Bind and listen; port 0: the kernel chooses. OSError when the address cannot be had."""
    listener = Listener(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # in spite of TIME_WAIT
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # Nagle would wait for ACKs
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        listener.bind((host, port))
        listener.listen(backlog)
    except OSError:
        listener.close()
        raise
    listener.hold_reserve()
    return listener


def twin(listener: socket.socket) -> Listener:
    """Open another listener at the same address, its backlog its own: socket(7) SO_REUSEPORT.

    From the first twin on the kernel deals new clients out by a hash of their address.
    """
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # all who share it must agree
    host, port = listener.getsockname()[:2]
    return open_listener(host, port, BACKLOG, shared=True)
