"""Do timeouts of reads and writes change which server is the cheapest?

A thread per connection, a loop over epoll and asyncio's streams, each as the lab has it and each
with five seconds for every read and write, which never pass: 64 clients ask again at once. CPU time
of the server per request, the least of several rounds in which the six take turns.

The last row counts the rankings that the two columns give: 2 where some server is dearer than
another by more than a tie without timeouts, and cheaper by more than a tie with them; else 1.
Control: the timed servers do end who is silent (tests/replications/test_timed_servers.py).
Source: github.com/patrykstefanski/async-bench, hello and hello-timeout: there Tokio answers 1.20
times what threads answer without timeouts and 0.81 times with them.
"""

from itertools import permutations

from lab.replications import Table
from lab.replications._kit import Load, cpus, in_turns

UNIT = "us of CPU per request"
SERVERS = {
    "threads": ("threads", "lab.replications._threads_timed"),
    "epoll": ("epoll", "lab.replications._epoll_timed"),
    "asyncio streams": ("asyncio-streams", "lab.replications._streams_timed"),
}
WITHOUT, WITH, BOTH = "without", "with", "both"
TIE = 1.10  # the smallest difference worth a change of code
CLIENTS, SECONDS, ROUNDS = 64, 0.3, 4


def measure() -> Table:
    servers = {
        f"{row}, {column}": server
        for row, pair in SERVERS.items()
        for column, server in zip((WITHOUT, WITH), pair, strict=True)
    }
    cost = in_turns(servers, "echo", {"us": Load(CLIENTS, SECONDS)}, cpus(2), ROUNDS)
    table = {
        row: {column: cost[f"{row}, {column}"]["us"] for column in (WITHOUT, WITH)}
        for row in SERVERS
    }
    return {**table, "rankings": {BOTH: rankings(table)}}


def rankings(table: Table) -> float:
    """Return 2 where two rows change places by more than a tie, else 1."""
    for a, b in permutations(table.values(), 2):
        if a[WITHOUT] > TIE * b[WITHOUT] and b[WITH] > TIE * a[WITH]:
            return 2.0
    return 1.0
