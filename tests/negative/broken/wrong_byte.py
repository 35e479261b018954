"""threads that change one byte in a million."""

from servers import threads


def serve(listener, new_connection, workers):
    class Wrong:
        def __init__(self):
            self.connection = new_connection()
            self.said = 0

        @property
        def closed(self):
            return self.connection.closed

        def receive(self, data):
            answer = self.connection.receive(data)
            self.said += len(answer)
            if self.said > 1_000_000:
                self.said = 0
                return answer[:-1] + bytes([answer[-1] ^ 1])
            return answer

    threads.serve(listener, Wrong, workers)
