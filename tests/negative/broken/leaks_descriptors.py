"""threads that say goodbye to a client and keep its descriptor."""

import socket
from threading import Thread

from servers.core.contract import GONE, RECEIVE_SIZE

kept = []


def talk(client, new_connection):
    connection = new_connection()
    try:
        while not connection.closed:
            client.sendall(connection.receive(client.recv(RECEIVE_SIZE)))
        client.shutdown(socket.SHUT_RDWR)
    except GONE:
        pass


def serve(listener, new_connection, workers):
    while True:
        client, _ = listener.accept()
        kept.append(client)
        Thread(target=talk, args=(client, new_connection), daemon=True).start()
