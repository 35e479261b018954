"""Signal-driven I/O is theory only: a server over SIGIO serves clients all the same.

Looked at: the lab's server that waits in sigtimedwait() for the signals of its sockets: 50 clients,
connected at the same time, ask from the last to the first; one sends a megabyte and gets it back.
The whole conformance suite is run on it elsewhere (tests/conformance).
Control: of three such clients a server with one blocking thread serves none.
Source: fcntl(2), F_SETSIG.
"""

import socket
from threading import Thread
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import ANSWER_S, asleep_in, served_at_once, serving

CLIENTS, LONG = 50, 1 << 20
SHORT_S = 0.5


class Seen(NamedTuple):
    clients: int
    served_at_once: int
    long_answer_right: bool
    threads_added_by_clients: int
    asleep_in: str
    served_by_blocking: int


def observe() -> Seen:
    with serving("sigio") as target:
        served, added = served_at_once(target, CLIENTS)
        seen = CLIENTS, served, _long(target.address), added, asleep_in(target.pid)
    with serving("blocking") as target:
        return Seen(*seen, served_at_once(target, 3, SHORT_S)[0])


def judge(seen: Seen) -> Ruling:
    if seen.threads_added_by_clients or seen.asleep_in != "rt_sigtimedwait":
        return Ruling(None, control=False)  # it is not what it is called
    works = seen.served_at_once == seen.clients > 1 and seen.long_answer_right
    return Ruling(not works, control=seen.served_by_blocking == 0)


def _long(address: tuple[str, int]) -> bool:
    with socket.create_connection(address, ANSWER_S) as client:
        Thread(target=client.sendall, args=[b"x" * LONG], daemon=True).start()
        found = 0
        while found < LONG and (data := client.recv(1 << 16)):
            if data.strip(b"X"):
                return False
            found += len(data)
    return found == LONG
