"""The interpreter's lock and its interval: how often can a thread do I/O beside one that computes?

One thread computes. Another serves an echo client by asyncio: each request waits until the
computing thread gives the lock away, which it does when it has been asked for one switch interval
(5 ms unless set). Published: about 100 requests a second, two waits of 5 ms for each. A short send
may win the lock back at once, so one to two waits are seen.

Columns are switch intervals. Rows: requests per second; requests per interval, which has no unit
and must stay the same; waits per request, its inverse; and how many times slower than alone.
Source: github.com/dask/distributed, issue 5450; docs.python.org, sys.setswitchinterval.
"""

import asyncio
import subprocess
import sys
import sysconfig
import threading
import time
from typing import Self

from lab.replications import Absent, Table

UNIT = "1/s, and per switch interval"
INTERVALS_MS = (5.0, 1.0, 0.5)
REQUESTS = 150
PAUSE_S = 0.008  # longer than any interval: docs/findings/gil-5ms.md
BUSY_SHARE = 0.2  # of one CPU, the least that the computing thread must have had


def measure() -> Table:
    """Measure each interval with the computing thread, and once without it."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise Absent("this Python has no global interpreter lock")
    table: Table = {
        "rate": {},
        "requests per interval": {},
        "waits per request": {},
        "slower than alone": {},
    }
    usual = sys.getswitchinterval()
    with _Server() as server:
        alone = _rate(server.port, REQUESTS)
        for interval in INTERVALS_MS:
            sys.setswitchinterval(interval / 1000)
            try:
                with _Burner() as burner:
                    rate = _rate(server.port, REQUESTS)
                    if burner.share() < BUSY_SHARE:
                        raise RuntimeError("the computing thread did not run: the CPUs are taken")
            finally:
                sys.setswitchinterval(usual)
            column = f"{interval:g} ms"
            table["rate"][column] = rate
            table["requests per interval"][column] = rate * interval / 1000
            table["waits per request"][column] = 1000 / (rate * interval)
            table["slower than alone"][column] = alone / rate
    return table


class _Burner:
    """A thread that computes until it is told to end."""

    def __init__(self) -> None:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._burn, daemon=True)
        self._began = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        self._began = time.monotonic()
        return self

    def share(self) -> float:
        """Return the part of one CPU that it has had."""
        assert self._thread.ident is not None
        clock = time.pthread_getcpuclockid(self._thread.ident)
        return time.clock_gettime(clock) / (time.monotonic() - self._began)

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _burn(self) -> None:
        number = 0
        while not self._end.is_set():
            for _ in range(10_000):
                number = (number * 1_103_515_245 + 12_345) % 2**31


class _Server:
    """An asyncio echo server in a thread of its own."""

    def __init__(self) -> None:
        self.port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise Absent("the echo server did not come up")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        async def listen() -> None:
            server = await self._loop.create_server(_Echo, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()

        self._loop.run_until_complete(listen())
        self._loop.run_forever()


class _Echo(asyncio.Protocol):
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


CLIENT = """
import socket, sys, time
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
took = 0.0
for _ in range(int(sys.argv[2])):
    time.sleep(float(sys.argv[3]))
    start = time.monotonic()
    client.sendall(b"x")
    client.recv(1)
    took += time.monotonic() - start
print(took)
"""


def _rate(port: int, requests: int) -> float:
    """Return requests per second of response time, of one client with a pause before each.

    The client is a process of its own: its thread must not ask for the same lock. In the pause the
    computing thread takes the lock; without one a server that is quick enough never lets it go.
    """
    words = [sys.executable, "-c", CLIENT, str(port), str(requests), str(PAUSE_S)]
    done = subprocess.run(words, capture_output=True, check=True, timeout=60)
    return requests / float(done.stdout)
