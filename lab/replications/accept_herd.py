"""Who is woken when a client comes, and how the clients are shared out among those who wait.

Four processes wait for clients in four ways: in accept() on one listener; in an epoll_wait() each,
all of which watch that listener; the same with EPOLLEXCLUSIVE; and on a listener each
(SO_REUSEPORT). Clients come one at a time, when all are at rest again. Wakes: how often the
processes gave up their CPU to wait, per client; 1 is ideal. Share: the most that one of them had,
over the mean.
Control: with no client at all nobody wakes.
Source: epoll_ctl(2), EPOLLEXCLUSIVE; socket(7), SO_REUSEPORT; accept(2).
"""

import os
import select
import signal
import socket
import struct
import time
from collections.abc import Sequence
from pathlib import Path

from lab.replications import Table
from lab.replications._kit import cpus, on

UNIT = "per client, and most over mean"
WORKERS, CLIENTS = 4, 300
REST_S = 0.002


def measure() -> Table:
    return measured(cpus(3))


def measured(ours: Sequence[int]) -> Table:
    """Measure on those CPUs."""
    table: Table = {"wakes": {}, "share": {}}
    for column, shared, flags in (
        ("accept", True, None),
        ("epoll", True, 0),
        ("epoll, exclusive", True, select.EPOLLEXCLUSIVE),
        ("listener each", False, None),
    ):
        with on(ours):
            wakes, shares = _herd(shared=shared, flags=flags)
        table["wakes"][column] = wakes
        table["share"][column] = max(shares) * WORKERS / sum(shares)
    return table


def _herd(*, shared: bool, flags: int | None) -> tuple[float, list[int]]:
    """Return wakes per client, and how many clients each worker had."""
    listeners = [_listener(0)]
    port = listeners[0].getsockname()[1]
    if not shared:
        listeners += [_listener(port) for _ in range(WORKERS - 1)]
    said, say = os.pipe()
    workers = [_worker(listeners[n % len(listeners)], flags, say) for n in range(WORKERS)]
    try:
        time.sleep(0.05)  # all wait
        before = [_switches(worker) for worker in workers]
        served: list[int] = []
        for _ in range(CLIENTS):
            with socket.create_connection(("127.0.0.1", port), 5):
                served.append(struct.unpack("i", os.read(said, 4))[0])
            time.sleep(REST_S)
        after = [_switches(worker) for worker in workers]
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)
        for one in listeners:
            one.close()
        os.close(said)
        os.close(say)
    wakes = sum(now - then for now, then in zip(after, before, strict=True))
    return max(wakes, 1) / CLIENTS, [served.count(worker) for worker in workers]


def _listener(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    return listener


def _worker(listener: socket.socket, flags: int | None, say: int) -> int:
    child = os.fork()
    if child:
        return child
    me = struct.pack("i", os.getpid())
    if flags is not None:
        listener.setblocking(False)
        epoll = select.epoll()
        epoll.register(listener, select.EPOLLIN | flags)
    while True:
        if flags is not None:
            epoll.poll()
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            continue  # another one has it
        client.close()
        os.write(say, me)


def _switches(process: int) -> int:
    """Return how often a process has given up its CPU to wait."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    (line,) = (one for one in status.splitlines() if one.startswith("voluntary"))
    return int(line.split()[1])
