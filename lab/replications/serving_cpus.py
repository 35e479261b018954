"""Coroutines in one process, and in two: what does a second CPU give them?

asyncio, and the hybrid of processes, threads and coroutines with two processes, serve HTTP
requests of 1 ms of CPU each, on one CPU and on two; the clients are on a CPU of their own.
Control: a request that computes nothing shows that the clients can ask for more.
Columns: CPUs of the server. Throughput.
Source: docs.python.org, asyncio; the notes, 3.2.
"""

from collections.abc import Sequence

from lab.replications import Table
from lab.replications._kit import Load, cpus, loaded, served

UNIT = "requests per second"
SECONDS = 0.5
WORK = b"GET /cpu/1000 HTTP/1.1\r\nHost: lab\r\n\r\n"
NO_WORK = b"GET /bytes/4 HTTP/1.1\r\nHost: lab\r\n\r\n"
SERVERS = {"asyncio": "asyncio-protocol", "hybrid": "processes-threads-coroutines"}
CLIENTS = 16  # few enough to be shared out anew quickly, enough for both processes to have some


def measure() -> Table:
    return measured(cpus(3))


def measured(ours: Sequence[int]) -> Table:
    """Measure on the first one and the first two of these CPUs, with the clients on the last."""
    table: Table = {}
    for row, server in SERVERS.items():
        for column, chosen in (("1 CPU", ours[:1]), ("2 CPUs", ours[:2])):
            with served(server, "http", chosen, workers=2) as target:
                for name, question in ((row, WORK), (f"{row}, no work", NO_WORK)):
                    load = Load(CLIENTS, SECONDS, question, "http")
                    done = loaded(target, load, ours[-1:])
                    table.setdefault(name, {})[column] = done.requests / done.seconds
    return table
