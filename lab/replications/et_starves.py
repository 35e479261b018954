"""One client that sends without end, and ten that ask: who is served by a loop that drains?

An edge-triggered server must read until there is nothing left. The flooder, two processes, sends
64 KiB at a time and reads what comes back, so that there always is something. After a second it
ends. The others ask on a schedule, so that whoever waits is counted for all that he could not ask.
Control: the level-triggered server, which reads once and goes on to the next; and both unflooded.
Server and clients on a CPU each. Response times. Source: epoll(7), Possible pitfalls: starvation.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from lab.replications import Table
from lab.replications._kit import Load, cpus, loaded, on, served

UNIT = "us"
FLOOD_S = 1.0
LOAD = Load(connections=10, seconds=FLOOD_S, rate=1000)
FLOODER = """
import os, signal, socket, sys
signal.setitimer(signal.ITIMER_REAL, float(sys.argv[2]))
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
if os.fork() == 0:
    signal.setitimer(signal.ITIMER_REAL, float(sys.argv[2]))  # timers are not inherited
    room = bytearray(1 << 20)
    while client.recv_into(room):
        pass
client.sendall(bytes(65536))
print(flush=True)
while True:
    client.sendall(bytes(65536))
"""


def measure() -> Table:
    here, there = cpus(2)
    table: Table = {}
    for row, server in (("edge", "epoll-edge"), ("level", "epoll")):
        for name, flood in ((row, False), (f"{row}, flooded", True)):
            with (
                served(server, "echo", [here]) as target,
                _flooding(target.address[1] if flood else 0, [there]),
            ):
                done = loaded(target, LOAD, [there])
            table[name] = {"p50": done.p50_us, "p99": done.p99_us}
    return table


@contextmanager
def _flooding(port: int, chosen: Collection[int]) -> Iterator[None]:
    """Flood a server, if there is one."""
    if not port:
        yield
        return
    words = [sys.executable, "-c", FLOODER, str(port), str(FLOOD_S)]
    with on(chosen):
        flooder = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)
    with flooder:
        try:
            assert flooder.stdout is not None
            flooder.stdout.readline()
            yield
        finally:
            os.killpg(flooder.pid, signal.SIGKILL)
