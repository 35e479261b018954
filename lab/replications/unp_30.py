"""Stevens' server designs: what does it cost, beyond serving, to hand each client to somebody?

Ever new clients ask once for 4000 bytes and hang up. CPU time of the server with all its children
and threads per client, less that of the iterative server, which hands nobody anything: process
control. What costs less than the meter can tell counts as that much. The lab's designs: a process
for each client, pools of 10 processes that accept for themselves or are sent the descriptor, a
thread for each client, a pool of 10 threads. Control: the iterative server against itself.
Source: Stevens, Fenner and Rudoff, UNIX Network Programming, sections 30.1 and 30.13.
"""

from collections.abc import Sequence

from lab.replications import Table
from lab.replications._kit import Load, cpus, loaded, served

UNIT = "us of CPU per client, less the iterative server"
DESIGNS = {
    "iterative, again": "blocking",
    "process each": "processes",
    "processes that accept": "prefork",
    "processes that are sent": "process-pool",
    "thread each": "threads",
    "pool of threads": "thread-pool",
}
CLIENTS = 400
BYTES = 4000
LEAST_US = 1.0  # 400 clients of it are less than the meter's ticks
POOL = 10
ONE_TRY = Load(
    1, 10.0, b"GET /bytes/%d HTTP/1.1\r\nHost: lab\r\n\r\n" % BYTES, "http", CLIENTS, once=True
)


def measure() -> Table:
    ours = cpus(2)
    base = _cost("blocking", ours)
    return {
        row: {"CPU": max(LEAST_US, _cost(server, ours) - base)} for row, server in DESIGNS.items()
    }


def _cost(server: str, ours: Sequence[int]) -> float:
    with served(server, "http", ours[:1], POOL) as target:
        return loaded(target, ONE_TRY, ours[1:]).server_us
