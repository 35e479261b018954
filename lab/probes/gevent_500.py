"""A gevent server with one thread serves the notes' client of 500 threads.

Looked at: 500 client threads that connect, wait for each other, and then ask ten times each, as
fast as they can; each answer is compared; the server's threads are counted meanwhile. The same with
a server of one thread per connection: whether gevent is needed for it.
Control: a server of one blocking thread answers one of three clients.
Source: none; the sentence is the notes' own.
"""

import socket
from contextlib import suppress
from threading import Barrier, Thread
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import served_at_once, serving, threads_of

CLIENTS, QUESTIONS = 500, 10
DEADLINE_S = 20.0
SHORT_S = 0.5


class Seen(NamedTuple):
    questions: int
    gevent_right_answers: int
    threads_added_in_gevent: int
    threads_right_answers: int
    threads_added_in_threads: int
    blocking_served_at_once: int


def observe() -> Seen:
    by_gevent, few = _crowd("gevent")
    by_threads, many = _crowd("threads")
    with serving("blocking") as target:
        served = served_at_once(target, 3, SHORT_S)[0]
    return Seen(CLIENTS * QUESTIONS, by_gevent, few, by_threads, many, served)


def judge(seen: Seen) -> Ruling:
    if max(seen.gevent_right_answers, seen.threads_right_answers) > seen.questions:
        return Ruling(None, control=False)
    served = 0 < seen.questions == seen.gevent_right_answers and seen.threads_added_in_gevent == 0
    by_threads = (
        seen.threads_right_answers == seen.questions and seen.threads_added_in_threads == CLIENTS
    )
    return Ruling(served, control=by_threads and seen.blocking_served_at_once == 0)


def _crowd(server: str) -> tuple[int, int]:
    """Return the right answers, and the threads that the connected clients added."""
    right: list[int] = []
    together, counted = Barrier(CLIENTS + 1), Barrier(CLIENTS + 1)

    def client(number: int) -> None:
        with suppress(OSError), socket.create_connection(target.address, DEADLINE_S) as sock:
            right.append(_ask(sock, number))
            together.wait(DEADLINE_S)
            counted.wait(DEADLINE_S)
            right.extend(_ask(sock, number) for _ in range(QUESTIONS - 1))

    with serving(server) as target:
        before = threads_of(target.pid)
        clients = [Thread(target=client, args=[number]) for number in range(CLIENTS)]
        for thread in clients:
            thread.start()
        together.wait(DEADLINE_S)
        added = threads_of(target.pid) - before
        counted.wait(DEADLINE_S)
        for thread in clients:
            thread.join(DEADLINE_S)
    return sum(right), max(0, added)


def _ask(client: socket.socket, number: int) -> int:
    said = f"thread-{number} says hello".encode()
    client.sendall(said)
    return client.recv(1024) == said.upper()
