"""Three frameworks as in 2016: gevent, Tornado and Twisted echo 1, 10, 100 KiB to 10 connections.

The published servers filled a core, and requests per second were counted. Here the client is not
quick enough to fill one with small messages, so requests are counted per second of the server's
own CPU time: what it would answer on a core that is full, the most of two rounds in which the
servers take turns. For context: asyncio's streams, and uvloop.
Control: no server answers anything but what it was sent, checked byte by byte.
Source: github.com/MagicStack/vmbench; magic.io, uvloop: blazing fast Python networking, 2016.
"""

from lab.replications import Absent, Table
from lab.replications._kit import Load, cpus, in_turns
from servers.catalog import SERVERS
from servers.needs import missing

UNIT = "requests per second of CPU time"
PAYLOADS = {"1 KiB": 1 << 10, "10 KiB": 10 << 10, "100 KiB": 100 << 10}
ROWS = {
    "gevent": "gevent",
    "tornado": "tornado",
    "twisted": "twisted",
    "asyncio": "asyncio-streams",
    "uvloop": "uvloop",
}
CONNECTIONS, SECONDS, ROUNDS = 10, 0.15, 2


def measure() -> Table:
    ours = cpus(2)
    for server in ROWS.values():
        if lack := missing(SERVERS[server].needs):
            raise Absent(lack)
    loads = {name: Load(CONNECTIONS, SECONDS, b"x" * size) for name, size in PAYLOADS.items()}
    costs = in_turns(ROWS, "echo", loads, ours, ROUNDS)
    return {row: {name: 1e6 / us for name, us in cells.items()} for row, cells in costs.items()}
