"""The whole talk with one client over a blocking socket: what the blocking family shares."""

import socket

from servers.core.contract import GONE, RECEIVE_SIZE, NewConnection
from servers.core.rest import linger


def converse(client: socket.socket, new_connection: NewConnection) -> None:
    """Answer until the protocol hangs up or the client is gone, then close it. Waits as it goes."""
    connection = new_connection()
    receive, recv, send = connection.receive, client.recv, client.sendall
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
