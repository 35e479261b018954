"""asyncio streams: a task per client; the loop reads ahead into a buffer, the task from there.

What waits       the loop, in epoll_wait(), for all clients; each task, as it sees it, at `await`.
Served meanwhile whoever is ready, in turn; jobs run in a pool of threads.
One more client  costs a task, a transport and a buffer, and one epoll_ctl(); a silent one no more.
Breaks           where code waits or computes without `await`; in memory, if drain() is forgotten:
                 what a client does not read is kept. What it sends is read ahead, to 192 KiB.
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
        while True:  # start_server() would do it, but listen anew, with its own backlog
            client, _ = await loop.sock_accept(listener)
            talks.create_task(talk(client, new_connection))


async def talk(client: socket.socket, new_connection: NewConnection) -> None:
    """The whole talk with one client, from top to bottom, as with a blocking socket."""
    loop = asyncio.get_running_loop()
    connection: Connection = new_connection(offloads=True)
    reader, writer = await asyncio.open_connection(sock=client, limit=RECEIVE_SIZE)
    writer.transport.max_size = RECEIVE_SIZE  # type: ignore[attr-defined] # else 256 KiB per recv()
    writer.transport.set_write_buffer_limits(high=0)  # drain() waits until the kernel has it all
    try:
        while not connection.closed:
            writer.write(connection.receive(await reader.read(RECEIVE_SIZE)))
            await writer.drain()
            if connection.job:
                writer.write(await loop.run_in_executor(None, connection.job))
                await writer.drain()
            if connection.closed and connection.lingers:
                connection = half_close(client)
    except GONE:
        pass  # the next client is served all the same
    finally:
        writer.close()
