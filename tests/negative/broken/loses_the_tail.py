"""threads that take a client whose side has ended for one that wants no more."""

import select
import socket
from threading import Thread

from servers.core.contract import GONE, RECEIVE_SIZE


def talk(client, new_connection):
    connection = new_connection()
    client.setblocking(False)
    with client:
        try:
            while not connection.closed:
                select.select([client], [], [])
                answer = connection.receive(client.recv(RECEIVE_SIZE))
                while answer:
                    select.select([], [client], [])
                    answer = answer[client.send(answer) :]
                    if answer and ended(client):
                        return
        except GONE:
            pass


def ended(client):
    try:
        return client.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False


def serve(listener, new_connection, workers):
    while True:
        client, _ = listener.accept()
        Thread(target=talk, args=(client, new_connection), daemon=True).start()
