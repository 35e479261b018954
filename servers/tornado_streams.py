"""Tornado: a coroutine per client on its IOStream, which today stands on asyncio's loop.

What waits       the loop, in epoll_wait(), for all clients; each coroutine, as it says, at `await`.
Served meanwhile whoever is ready, in turn; jobs run in a pool of threads.
One more client  costs a coroutine, an IOStream and its two buffers, and one epoll_ctl().
Breaks           where code waits or computes without `await`; and while a client sends faster than
                 it is read: an `await` that finds bytes goes on, and nobody else gets a turn. A
                 client that ends its side ends both: what is unsent then is lost.
"""

import asyncio
import socket

from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpserver import TCPServer

from servers.core import ending
from servers.core.contract import RECEIVE_SIZE, Connection, NewConnection
from servers.core.rest import half_close


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    listener.setblocking(False)
    asyncio.run(run(listener, new_connection))


async def run(listener: socket.socket, new_connection: NewConnection) -> None:
    server = Talks(new_connection)
    server.add_sockets([listener])  # its accept() is called whenever somebody is there
    await asyncio.Event().wait()


class Talks(TCPServer):
    def __init__(self, new_connection: NewConnection) -> None:
        super().__init__(read_chunk_size=RECEIVE_SIZE)
        self.new_connection = new_connection
        self.at_work = set[IOStream]()  # an end of file would end them, with the answer unsent
        ending.awaited.append(lambda: bool(self.at_work))

    async def handle_stream(self, stream: IOStream, address: object) -> None:
        """The whole talk with one client, from top to bottom, as with a blocking socket."""
        del address
        connection: Connection = self.new_connection(offloads=True)
        try:
            while not connection.closed:
                data = await stream.read_bytes(RECEIVE_SIZE, partial=True)
                await stream.write(connection.receive(data))  # waits until the kernel has it all
                if connection.job:
                    self.at_work.add(stream)
                    await stream.write(await IOLoop.current().run_in_executor(None, connection.job))
                    self.at_work.remove(stream)
                if connection.closed and connection.lingers:
                    connection = half_close(stream.socket)
        except StreamClosedError:
            self.at_work.discard(stream)
        finally:
            stream.close()
