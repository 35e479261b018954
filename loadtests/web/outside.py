"""What a load by hand asks of the server itself: before it begins, and beside it."""

import socket
import time
from collections.abc import Mapping

import gevent

from loadtests import targets
from loadtests.web import form
from loadtests.web.meter import Meter

CONNECT_S = 3.0  # to find out whether somebody listens
SEEN_S = 1.0  # for the server to have accepted what is connected, or to have dropped it
LOOK_S = 0.05  # between two readings meanwhile


def find(wish: form.Wish, environment: Mapping[str, str]) -> tuple[str, int]:
    """Return the address; see that it may be loaded and that somebody listens.

    Raises BadForm, targets.Refused.
    """
    host, port = wish.place
    try:
        _, address = targets.locate(host, port, targets.allowed(environment))
    except (OSError, UnicodeError) as error:
        hint = "" if wish.target else " Is it up? Elsewhere, write HOST:PORT as the target."
        raise form.BadForm(f"{host} is not known here ({error}).{hint}") from error
    try:
        socket.create_connection(address[:2], CONNECT_S).close()
    except OSError as error:
        raise form.BadForm(f"Nobody answers at {host}:{port} ({error}).") from error
    return address[0], port


def meet(wish: form.Wish, host: str) -> tuple[Meter | None, str]:
    """Find the server's meter, and read it before any connection; or say why there is none."""
    if wish.target is not None:
        return None, "no meter: the target is none of the lab's containers"
    meter = Meter(host, form.METER_PORT, wish.protocol)
    deadline, sockets = time.monotonic() + SEEN_S, -1
    while time.monotonic() < deadline:  # until find()'s own connection has been dropped
        meter.ask()
        if meter.last is None or meter.last.sockets == sockets:
            break
        sockets = meter.last.sockets
        gevent.sleep(LOOK_S)
    meter.idle, meter.first = meter.last, None
    meter.readings.clear()
    return meter, ""


def see_them_held(meter: Meter, kept: int) -> None:
    """Take the first reading under load once the server holds so many connections, or does not."""
    deadline = time.monotonic() + SEEN_S
    meter.ask()
    while meter.held is not None and meter.held < kept and time.monotonic() < deadline:
        gevent.sleep(LOOK_S)
        meter.first = None
        meter.ask()


def keep_reading(meter: Meter) -> None:
    """Read at the meter's own pace, until killed."""
    while True:
        meter.ask()
        gevent.sleep(meter.period)
