"""Taking all clients that wait, against one at a wake: what does it save a select server?

Ever new clients ask once and hang up, so many at a time, without a pause. CPU time of the server
per client, the least of several rounds in which the two take turns. Control: with one client at a
time there is never a second one to take, and the loop costs the accept() that finds nobody.
Columns: clients at a time. Source: Chandra and Mosberger, USENIX 2001.
"""

from lab.replications import Table
from lab.replications._kit import Load, cpus, in_turns

UNIT = "us of CPU per client"
ROWS = {"one": "select", "all": "lab.replications._select_accepts_all"}
CLIENTS = (1, 64)
SECONDS, ROUNDS = 0.2, 4


def measure() -> Table:
    loads = {str(n): Load(n, SECONDS, b"x" * 64, once=True) for n in CLIENTS}
    return in_turns(ROWS, "echo", loads, cpus(2), ROUNDS)
