"""Requests that block: what moves the tail, the number of workers or that they are asynchronous?

Each request waits for 30 ms in a call that knows nothing of the server; 100 come in a second, each
on a connection of its own, so that three workers are busy. Synchronous: processes that accept for
themselves. Asynchronous: greenlets, in as many threads as there are processes there; a call that
blocks stops all of a thread's. Control: requests that wait for nothing, for which two are enough.
Columns: workers. 99th percentile of the response times.
Source: calpaterson.com, Async Python is not faster, 2020; blog.miguelgrinberg.com, Ignore all web
performance benchmarks, including this one, 2020.
"""

from collections.abc import Sequence

from lab.replications import Table
from lab.replications._kit import Load, cpus, loaded, served

UNIT = "ms, 99th percentile"
SECONDS = 0.7
BLOCKING = b"GET /block/30 HTTP/1.1\r\nHost: lab\r\n\r\n"
QUICK = b"GET /bytes/4 HTTP/1.1\r\nHost: lab\r\n\r\n"
THREADS = 2  # in each process of processes-threads-coroutines
RATE, CONNECTIONS = 100.0, 20  # the clients are never who waits


def measure() -> Table:
    return measured(cpus(3))


def measured(ours: Sequence[int]) -> Table:
    """Measure with all but the last of these CPUs for the server."""
    table: Table = {}
    for row, server, threads in (
        ("synchronous", "prefork", 1),
        ("asynchronous", "processes-threads-coroutines", THREADS),
    ):
        for workers in (2, 8):
            with served(server, "http", ours[:-1], workers // threads) as target:
                for name, question in ((row, BLOCKING), (f"{row}, no waits", QUICK)):
                    load = Load(CONNECTIONS, SECONDS, question, "http", once=True, rate=RATE)
                    done = loaded(target, load, ours[-1:])
                    table.setdefault(name, {})[f"{workers} workers"] = done.p99_us / 1000
    return table
