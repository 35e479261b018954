"""The whole talk with one client over a blocking socket: what the blocking family shares."""

import socket
from collections.abc import Callable

from servers.core.contract import GONE, RECEIVE_SIZE, Connection, Job, NewConnection
from servers.core.rest import linger

Run = Callable[[Job], bytes]  # does a job elsewhere, and waits for it


def converse(client: socket.socket, new_connection: NewConnection, run: Run | None = None) -> None:
    """Answer until the protocol hangs up or the client is gone, then close it. Waits as it goes.

    run: for who has somewhere to do a job; without it the protocol does all work at once.
    """
    connection = new_connection(offloads=run is not None)
    receive = _with_jobs(connection, run) if run else connection.receive
    recv, send = client.recv, client.sendall
    with client:
        try:
            while not connection.closed:
                answer = receive(recv(RECEIVE_SIZE))
                if answer:
                    send(answer)
            if connection.lingers:
                linger(client)
        except GONE:
            pass  # the next client is served all the same


def _with_jobs(connection: Connection, run: Run) -> Callable[[bytes], bytes]:
    def receive(data: bytes) -> bytes:
        answer = connection.receive(data)
        return answer + run(connection.job) if connection.job else answer

    return receive
