"""threads that change one byte in a million."""

from servers import threads
from servers.core import converse


def serve(listener, new_connection, workers):
    def wrong():
        connection = new_connection()
        receive, said = connection.receive, 0

        def spoil(data):
            nonlocal said
            answer = receive(data)
            said += len(answer)
            if said > 1_000_000:
                said = 0
                return answer[:-1] + bytes([answer[-1] ^ 1])
            return answer

        connection.receive = spoil
        return connection

    threads.serve(listener, wrong, workers)
