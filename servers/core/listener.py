"""The one place where clients come in: every server gets the same listening socket.

Options go on the listener: on Linux an accepted socket inherits TCP_NODELAY, not non-blocking mode.
"""

import contextlib
import errno
import os
import socket
from typing import Any

from servers.core.contract import refuse

NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)


class Listener(socket.socket):
    """A listening socket whose accept() copes with a full descriptor table.

    Left alone, EMFILE leaves the client in the backlog: a loop would be woken for it without end.
    So one descriptor is kept in reserve, given up to take the client in, and had back by refusing it.
    """

    def __init__(self, family: int = socket.AF_INET, *, backlog: int, address: tuple[str, int]) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self._reserve = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # past connections in TIME_WAIT
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited; Nagle waits for ACKs
        self.bind(address)
        self.listen(backlog)
