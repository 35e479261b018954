"""Three frameworks as in 2016: gevent, Tornado and Twisted echo 1, 10, 100 KiB to 10 connections.

The published servers filled a core, and requests per second were counted. Here the client is not
quick enough to fill one with small messages, so requests are counted per second of the server's own
CPU time: what it would answer on a core that is full. For context: asyncio's streams, and uvloop.
Control: no server answers anything but what it was sent, checked byte by byte.
Source: github.com/MagicStack/vmbench; magic.io, uvloop: blazing fast Python networking, 2016.
"""

from lab.replications import Absent, Table
from lab.replications._kit import Load, cpus, loaded, served
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
CONNECTIONS, SECONDS, WARM_UP_S = 10, 0.2, 0.05


def measure() -> Table:
    here, there = cpus(2)
    for server in ROWS.values():
        if lack := missing(SERVERS[server].needs):
            raise Absent(lack)
    table: Table = {}
    for row, server in ROWS.items():
        with served(server, "echo", [here]) as target:
            loaded(target, Load(CONNECTIONS, WARM_UP_S), [there])
            for column, size in PAYLOADS.items():
                done = loaded(target, Load(CONNECTIONS, SECONDS, b"x" * size), [there])
                table.setdefault(row, {})[column] = 1e6 / done.server_us
    return table
