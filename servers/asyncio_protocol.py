"""asyncio protocols: no task, no `await`: the loop calls back when bytes have come or gone.

What waits       the loop, in epoll_wait(), for all clients together.
Served meanwhile whoever is ready, one callback after the other; jobs run in a pool of threads.
One more client  costs a transport and this object, and one epoll_ctl(); a silent one costs no wake.
Breaks           where a callback waits or computes. For the reader: what comes next is in fields.
"""

import asyncio
import socket
from functools import partial

from servers.core.contract import RECEIVE_SIZE, Connection, NewConnection
from servers.core.rest import half_close


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    asyncio.run(accept(listener, new_connection))


async def accept(listener: socket.socket, new_connection: NewConnection) -> None:
    listener.setblocking(False)
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as introductions:
        while True:  # create_server() would do it, but listen anew, with its own backlog
            client, _ = await loop.sock_accept(listener)
            talk = partial(Talk, client, new_connection(offloads=True))
            introductions.create_task(loop.connect_accepted_socket(talk, client))


class Talk(asyncio.Protocol):
    """One client. It is not read while a byte of an answer is unsent, or a job at work."""

    def __init__(self, client: socket.socket, connection: Connection) -> None:
        self.client = client
        self.connection = connection
        self.pauses = 0  # reasons not to read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if hasattr(transport, "max_size"):  # asyncio's own: it would read 256 KiB at a time
            transport.max_size = RECEIVE_SIZE
        transport.set_write_buffer_limits(high=0)  # pause_writing() for any byte that is left
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.send(self.connection.receive(data))

    def eof_received(self) -> None:  # not True: the transport closes, once all is sent
        self.transport.write(self.connection.receive(b""))

    def send(self, answer: bytes) -> None:
        self.transport.write(answer)  # goes out now, as far as the kernel has room
        if self.connection.job:
            self.pause_writing()
            job = asyncio.get_running_loop().run_in_executor(None, self.connection.job)
            job.add_done_callback(self.job_done)
        elif self.connection.closed:
            self.pause_writing()
            self.resume_writing()  # and hang up, unless some of it is unsent

    def job_done(self, job: asyncio.Future[bytes]) -> None:
        if not self.transport.is_closing():  # or else the client has gone meanwhile
            self.send(job.result())
            self.resume_writing()

    def pause_writing(self) -> None:
        self.pauses += 1
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.pauses -= 1
        if self.pauses:
            return
        if self.connection.closed and self.connection.lingers:
            self.connection = half_close(self.client)
        if self.connection.closed:
            self.transport.close()
        else:
            self.transport.resume_reading()
