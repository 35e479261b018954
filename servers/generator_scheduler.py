"""Generators: each client is a function that stops at `yield` and goes on there later.

What waits       the scheduler, in epoll_wait(), for all clients; each is stopped at its `yield`.
Served meanwhile whoever is ready: one runs at a time, until it yields by its own will.
One more client  costs a generator, that is one frame, and one epoll_ctl(); a turn is one next().
Breaks           where somebody does not yield. `yield` keeps the place and switches, and no more:
                 it does not know what is ready, and each call on the way must be `yield from`.
"""

import select
import socket
from collections.abc import Iterator
from select import EPOLLIN, EPOLLOUT

from servers.core.contract import GONE, RECEIVE_SIZE, Connection, NewConnection
from servers.core.rest import half_close

Task = Iterator[int]  # yields what it waits for: EPOLLIN, to read, or EPOLLOUT, to write


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    listener.setblocking(False)
    door = listener.fileno()
    tasks: dict[int, tuple[Task, int]] = {}  # by descriptor: who waits, and for what
    poller = select.epoll()
    poller.register(door, EPOLLIN)
    while True:
        for fd, _ in poller.poll():
            if fd == door:
                try:
                    client, _ = listener.accept()
                except BlockingIOError:
                    continue
                task = talk(client, new_connection)
                tasks[client.fileno()] = task, next(task)
                poller.register(client.fileno(), EPOLLIN)
                continue
            task, waited_for = tasks[fd]
            waits_for = next(task, 0)
            if not waits_for:  # the talk is over, its socket closed: epoll has forgotten it
                del tasks[fd]
            elif waits_for != waited_for:
                tasks[fd] = task, waits_for
                poller.modify(fd, waits_for)


def talk(client: socket.socket, new_connection: NewConnection) -> Task:
    """The whole talk with one client, from top to bottom, as with a blocking socket."""
    client.setblocking(False)
    connection: Connection = new_connection()
    with client:
        try:
            while not connection.closed:
                yield EPOLLIN
                try:
                    data = client.recv(RECEIVE_SIZE)
                except BlockingIOError:
                    continue
                yield from send_all(client, connection.receive(data))
                if connection.closed and connection.lingers:
                    connection = half_close(client)
        except GONE:
            pass  # the next client is served all the same


def send_all(client: socket.socket, answer: bytes) -> Task:
    rest = memoryview(answer)  # no copy: a long answer goes out in many pieces
    while rest:
        try:
            rest = rest[client.send(rest) :]
        except BlockingIOError:
            yield EPOLLOUT
