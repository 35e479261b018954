"""Thread per connection, as servers/threads.py, beside a thread that never lets go of the GIL.

LAB_BURNERS      how many such threads
LAB_SWITCH_S     sys.setswitchinterval(): after so long a waiting thread asks for the lock
"""

import os
import socket
import sys
from threading import Thread
from typing import NoReturn

from servers import threads
from servers.core.contract import NewConnection


def burn() -> NoReturn:
    """Run bytecode without end: no call that would give the lock away."""
    number = 0
    while True:
        number += 1


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    sys.setswitchinterval(float(os.environ["LAB_SWITCH_S"]))
    for _ in range(int(os.environ["LAB_BURNERS"])):
        Thread(target=burn, daemon=True).start()
    threads.serve(listener, new_connection, workers)
