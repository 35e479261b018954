"""A thread that serves, beside a thread that computes: the median of its response times.

A threaded echo server in this process; its client is another process, with a pause before each
request, in which the computing thread takes the interpreter's lock. It gives it away when it has
been asked for a switch interval. Control: the same without the thread that computes; and the
computing thread must have run. Columns: switch intervals. The pause is longer than any of them, or
a wait of the server after its reply would shorten the next (docs/findings/gil-io-latency.md).
Source: github.com/dask/distributed, issue 5450; bugs.python.org, issue 7946.
"""

import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab.replications import Absent, Table

UNIT = "us"
INTERVALS_MS = (5.0, 1.0)
REQUESTS = 100
PAUSE_S = 0.008
BUSY_SHARE = 0.2  # of one CPU, the least that the computing thread must have had


def measure() -> Table:
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise Absent("this Python has no global interpreter lock")
    table: Table = {"alone": {}, "beside a thread that computes": {}}
    usual = sys.getswitchinterval()
    with _serving() as port:
        for interval in INTERVALS_MS:
            sys.setswitchinterval(interval / 1000)
            column = f"{interval:g} ms"
            table["alone"][column] = _median_us(port)
            with _computing():
                table["beside a thread that computes"][column] = _median_us(port)
            sys.setswitchinterval(usual)
    return table


@contextmanager
def _serving() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # the end
            return
        threading.Thread(target=_echo, args=(client,), daemon=True).start()


def _echo(client: socket.socket) -> None:
    with client:
        while data := client.recv(64):
            client.sendall(data)


@contextmanager
def _computing() -> Iterator[None]:
    """Hold a thread that computes. RuntimeError: it had hardly any CPU."""
    end = threading.Event()

    def compute() -> None:
        while not end.is_set():
            sum(range(1000))
            for _ in range(1000):
                pass

    thread = threading.Thread(target=compute, daemon=True)
    thread.start()
    assert thread.ident is not None
    clock, start = time.pthread_getcpuclockid(thread.ident), time.monotonic()
    try:
        yield
        share = time.clock_gettime(clock) / (time.monotonic() - start)
    finally:
        end.set()
        thread.join()
    if share < BUSY_SHARE:
        raise RuntimeError("the computing thread did not run: the CPUs are taken")


CLIENT = """
import socket, statistics, sys, time
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
took = []
for _ in range(int(sys.argv[2])):
    time.sleep(float(sys.argv[3]))
    start = time.monotonic_ns()
    client.sendall(b"x")
    client.recv(1)
    took.append(time.monotonic_ns() - start)
print(statistics.median_low(took))
"""


def _median_us(port: int) -> float:
    words = [sys.executable, "-c", CLIENT, str(port), str(REQUESTS), str(PAUSE_S)]
    done = subprocess.run(words, capture_output=True, check=True, timeout=60)
    return int(done.stdout) / 1000
