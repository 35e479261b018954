"""python -m lab.replications._client: a load on one server, checked byte by byte.

Its order is a line of JSON on stdin, see `_kit.client`. A line on stdout says that all are
connected; another line on stdin begins; a JSON object at the end says what came of it. Closed: a
connection asks again when it is answered. Open, with a rate: each connection has a schedule of its
own, and what it could not ask in time it asks as soon as it can; response time counts from the
schedule, service from the asking.
"""

import heapq
import json
import select
import socket
import sys
import time
from typing import Any

READ = 1 << 18  # bytes
LATER = -1  # instead of a descriptor: connect when it is time to ask
NS = 1_000_000_000
SILENCE_S = 30.0  # without an answer: the server has failed


class Crowd:
    """Connections that ask, one question each at a time."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.address = tuple(order["address"])
        self.question = bytes.fromhex(order["question"])
        self.answer = bytes.fromhex(order["answer"])
        self.once, self.left = order["once"], order["requests"] or sys.maxsize
        self.gap = order["connections"] / order["rate"] * NS if order["rate"] else 0.0
        self.end = order["seconds"] * NS
        self.poller = select.epoll()
        self.clients: dict[int, socket.socket] = {}
        self.due: list[tuple[float, int]] = []  # heap: instant, descriptor
        self.asked: dict[int, tuple[float, int]] = {}  # due, sent
        self.heard: dict[int, bytes] = {}
        self.response: list[float] = []  # ns
        self.service: list[float] = []
        self.slots = [LATER if self.once else self.join() for _ in range(order["connections"])]

    def join(self) -> int:
        client = socket.create_connection(self.address, 10)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.clients[client.fileno()] = client
        self.poller.register(client.fileno(), select.EPOLLIN)
        return client.fileno()

    def run(self) -> float:
        """Ask until the time is over, and all is answered. Returns seconds."""
        start = time.monotonic_ns()
        self.end += start
        step = self.gap / len(self.slots)
        self.due = [(start + place * step, fd) for place, fd in enumerate(self.slots)]
        while self.due or self.asked:
            now = time.monotonic_ns()
            while self.due and self.due[0][0] <= now:
                due, fd = heapq.heappop(self.due)
                self.ask(due if self.gap else now, fd)
            wait = (self.due[0][0] - now) // 1_000_000 / 1000 if self.due else SILENCE_S
            events = self.poller.poll(max(0.0, wait))  # less than a millisecond: it looks again
            if not events and not self.due:
                raise TimeoutError(f"no answer within {SILENCE_S:g} s")
            for fd, _ in events:
                self.hear(fd)
        return (time.monotonic_ns() - start) / NS

    def ask(self, due: float, slot: int) -> None:
        fd = self.join() if slot == LATER else slot
        self.left -= 1
        self.heard[fd] = b""
        self.asked[fd] = due, time.monotonic_ns()
        self.clients[fd].sendall(self.question)

    def hear(self, fd: int) -> None:
        self.heard[fd] += self.clients[fd].recv(READ)
        if len(self.heard[fd]) < len(self.answer):
            return
        if self.heard[fd] != self.answer:
            raise ValueError(f"a wrong answer: {self.heard[fd][:40]!r}")
        now, (due, sent) = time.monotonic_ns(), self.asked.pop(fd)
        self.response.append(now - due)
        self.service.append(now - sent)
        if self.once:
            self.poller.unregister(fd)
            self.clients.pop(fd).close()
        following = due + self.gap if self.gap else now
        if following < self.end and self.left > len(self.due):
            heapq.heappush(self.due, (following, LATER if self.once else fd))


def percentile(times: list[float], percent: int) -> float:
    """Return a percentile in microseconds: sorted[ceil(q n) - 1]."""
    return sorted(times)[(percent * len(times) + 99) // 100 - 1] / 1000


def main() -> None:
    crowd = Crowd(json.loads(sys.stdin.readline()))
    print("connected", flush=True)
    sys.stdin.readline()
    seconds = crowd.run()
    said = {
        "requests": len(crowd.response),
        "seconds": seconds,
        "p50_us": percentile(crowd.response, 50),
        "p99_us": percentile(crowd.response, 99),
        "service_p99_us": percentile(crowd.service, 99),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
