"""The lab's server on asyncio streams, which gives up who is silent for five seconds.

Run by `timeouts-reorder`; everything but asyncio.timeout() is as in servers/asyncio_streams.py:
each read and each drain() puts a timer into the loop's heap and cancels it.
"""

import asyncio
import socket

from servers.core.contract import GONE, RECEIVE_SIZE, Connection, NewConnection
from servers.core.rest import half_close

TIMEOUT_S = 5.0


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
    connection: Connection = new_connection()
    reader, writer = await asyncio.open_connection(sock=client, limit=RECEIVE_SIZE)
    writer.transport.max_size = RECEIVE_SIZE  # type: ignore[attr-defined] # as in the lab's server
    writer.transport.set_write_buffer_limits(high=0)
    try:
        while not connection.closed:
            async with asyncio.timeout(TIMEOUT_S):
                data = await reader.read(RECEIVE_SIZE)
            writer.write(connection.receive(data))
            async with asyncio.timeout(TIMEOUT_S):
                await writer.drain()
            if connection.closed and connection.lingers:
                connection = half_close(client)
    except GONE:
        pass
    finally:
        writer.close()
