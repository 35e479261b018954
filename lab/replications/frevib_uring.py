"""io_uring against epoll, by the number of clients that ask without a pause.

Published: one core, clients on others, servers in C. Here both servers are Python, io_uring by way
of ctypes, and requests are counted per second of the server's own CPU time: what it would answer
on a core that is full, the most of two rounds in which the servers take turns. Control: no server
answers anything but what it was sent, checked byte by byte.
Source: github.com/frevib/io_uring-echo-server, benchmarks/benchmarks.md.
"""

from lab.replications import Absent, Table
from lab.replications._kit import Load, cpus, in_turns
from servers.needs import missing

UNIT = "requests per second of CPU time"
CLIENTS = (1, 50, 150, 300, 500, 1000)
SECONDS, ROUNDS = 0.15, 2
ROWS = {"io_uring": "io-uring", "epoll": "epoll"}


def measure() -> Table:
    ours = cpus(2)
    if lack := missing("io_uring"):
        raise Absent(lack)
    loads = {str(clients): Load(clients, SECONDS, b"x" * 128) for clients in CLIENTS}
    costs = in_turns(ROWS, "echo", loads, ours, ROUNDS)
    return {row: {name: 1e6 / us for name, us in cells.items()} for row, cells in costs.items()}
