"""Several protocols of one server, a process for each, begun when its first client comes.

Like inetd(8) with "wait": the first process opens the doors and waits for all of them in one
poll(), accepting nobody. Whoever comes first is found in the backlog by a child, which serves that
door for good. So a server that nobody asks costs one small process, and no CPU.

* A child that dies takes its clients along, those in its backlog, too; the next one begins it anew.
* A model that spins is ended when it has held no client for a while: idle, it would burn a CPU.
* Only children import the server: its library may patch the process, or keep a loop in it.
"""

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NoReturn

from servers import vitals
from servers.catalog import PROTOCOLS
from servers.core.children import fork, wait
from servers.core.contract import refuse
from servers.core.listener import Listener

IDLE = 2.0  # seconds without a client until a model that spins is ended
LOOK = 500  # milliseconds between two looks at one that spins
SO_DETACH_FILTER = 27  # asm-generic/socket.h


@dataclass(slots=True)
class Door:
    """Where the clients of one protocol come in, and the child that serves them, if any."""

    protocol: str
    listener: Listener
    serve: Callable[[Listener], None]
    child: int = 0  # process id
    handle: int = -1  # pidfd_open(2): readable once the child has ended
    busy: float = 0.0  # when the child was last seen with a client, by the monotonic clock


def port_of(protocol: str, base: int) -> int:
    """Where a protocol of the catalog is found, whatever else is spoken; 0: the kernel chooses."""
    return base and base + list(PROTOCOLS).index(protocol)


def serve_on_demand(doors: Sequence[Door], meter: Listener | None, *, spins: bool) -> NoReturn:
    """Serve each door once it is asked for, and the meter. Never returns: servers.core.ending."""
    if meter:
        meter.setblocking(False)  # who comes may have gone before accept(), select(2) BUGS
    while True:
        look = spins and any(door.child for door in doors)
        poller = select.poll()
        events = {door.handle if door.child else door.listener.fileno(): door for door in doors}
        for descriptor in [*events, meter.fileno()] if meter else events:
            poller.register(descriptor, select.POLLIN)
        for descriptor, _ in poller.poll(LOOK if look else None):
            if door := events.get(descriptor):
                _end(door) if door.child else _begin(door, doors, meter)
            elif meter:
                _tell(meter, doors)
        if look:
            _dismiss_idle([door for door in doors if door.child])


def _begin(door: Door, doors: Sequence[Door], meter: Listener | None) -> None:
    def work() -> None:
        for handle in [other.handle for other in doors if other.child]:
            os.close(handle)
        for other in [*(other.listener for other in doors if other is not door), meter]:
            if other:
                other.drop_reserve()
                other.close()
        door.serve(door.listener)

    try:
        door.child = fork(work)
    except OSError:  # no room for one more process; the next client may be lucky
        _turn_away(door.listener)
        return
    door.handle = os.pidfd_open(door.child)
    door.busy = time.monotonic()


def _end(door: Door) -> None:
    """Wait for a child that has ended, and have its door back as it was before."""
    _, status = wait(door.child)
    os.close(door.handle)
    door.child = 0
    with contextlib.suppress(OSError):  # none: it has died; who ends leaves one, see ending.py
        door.listener.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
    if status:  # whoever made it die must not find the next one
        _turn_away(door.listener)


def _turn_away(listener: Listener) -> None:
    listener.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            refuse(listener.accept()[0])
    listener.setblocking(True)  # a flag of the socket, not of its holder: fcntl(2)


def _dismiss_idle(awake: Sequence[Door]) -> None:
    now = time.monotonic()
    for door in awake:
        if len(list(islice(vitals.sockets_of(door.child), 2))) == 2:  # the listener, and a client
            door.busy = now
        elif now - door.busy > IDLE:
            os.kill(door.child, signal.SIGTERM)
            door.busy = now


def _tell(meter: Listener, doors: Sequence[Door]) -> None:
    """One line for whoever asks, without waiting for anybody."""
    children = {door.protocol: door.child for door in doors}
    with contextlib.suppress(OSError), meter.accept()[0] as client:  # it may have gone meanwhile
        client.send(vitals.line(children), socket.MSG_DONTWAIT)
