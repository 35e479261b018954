"""asyncio, the plain way: a task per client, and the loop's own recv() and send() on its socket.

What waits       the loop, in epoll_wait(), for all clients; each task, as it sees it, at `await`.
Served meanwhile whoever is ready, in turn; jobs run in a pool of threads.
One more client  costs a task; one that speaks costs two epoll_ctl() and a future for each recv()
                 that finds nothing yet: the loop is told anew each time.
Breaks           where code waits or computes without `await`. Nor does anybody else get a turn
                 while a client sends faster than it is read: an `await` that finds bytes goes on.
"""

import asyncio
import socket

from servers.core.contract import GONE, RECEIVE_SIZE, Connection, NewConnection
from servers.core.rest import half_close


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    listener.setblocking(False)
    asyncio.run(accept(listener, new_connection))


async def accept(listener: socket.socket, new_connection: NewConnection) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as talks:
        while True:
            client, _ = await loop.sock_accept(listener)
            talks.create_task(talk(client, new_connection))


async def talk(client: socket.socket, new_connection: NewConnection) -> None:
    """The whole talk with one client, from top to bottom, as with a blocking socket."""
    loop = asyncio.get_running_loop()
    connection: Connection = new_connection(offloads=True)
    with client:
        try:
            while not connection.closed:
                answer = connection.receive(await loop.sock_recv(client, RECEIVE_SIZE))
                if answer:
                    await loop.sock_sendall(client, answer)
                if connection.job:
                    answer = await loop.run_in_executor(None, connection.job)
                    await loop.sock_sendall(client, answer)
                if connection.closed and connection.lingers:
                    connection = half_close(client)
        except GONE:
            pass  # the next client is served all the same
