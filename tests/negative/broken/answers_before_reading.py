"""threads that know the question of the catalog by heart, and answer before it is asked."""

from threading import Thread

from servers.catalog import PROTOCOLS
from servers.core.contract import RECEIVE_SIZE
from servers.core.converse import converse


def hasty(client, new_connection):
    client.sendall(PROTOCOLS["echo"].answer)
    client.recv(RECEIVE_SIZE)
    converse(client, new_connection)


def serve(listener, new_connection, workers):
    while True:
        client, _ = listener.accept()
        Thread(target=hasty, args=(client, new_connection), daemon=True).start()
