"""io_uring against epoll, by the number of clients that ask without a pause.

Published: one core, clients on others, servers in C. Here both servers are Python, io_uring by way
of ctypes, and requests are counted per second of the server's own CPU time: what it would answer
on a core that is full. Control: no server answers anything but what it was sent, checked byte by
byte.
Source: github.com/frevib/io_uring-echo-server, benchmarks/benchmarks.md.
"""

from lab.replications import Absent, Table
from lab.replications._kit import Load, cpus, loaded, served
from servers.needs import missing

UNIT = "requests per second of CPU time"
CLIENTS = (1, 50, 150, 300, 500, 1000)
SECONDS = 0.2
WARM_UP_S = 0.05


def measure() -> Table:
    here, there = cpus(2)
    if lack := missing("io_uring"):
        raise Absent(lack)
    table: Table = {}
    for row, server in (("io_uring", "io-uring"), ("epoll", "epoll")):
        with served(server, "echo", [here]) as target:
            loaded(target, Load(CLIENTS[1], WARM_UP_S), [there])
            for clients in CLIENTS:
                done = loaded(target, Load(clients, SECONDS, b"x" * 128), [there])
                table.setdefault(row, {})[str(clients)] = 1e6 / done.server_us
    return table
