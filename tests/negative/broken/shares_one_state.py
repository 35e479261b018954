"""threads whose clients share one parser: what one has half said, another completes."""

from wrapped import Wrapped

from servers import threads


def serve(listener, new_connection, workers):
    shared = new_connection()

    class Shared(Wrapped):
        closed = False

        def receive(self, data):
            self.closed = not data
            return shared.receive(data) if data else b""

    threads.serve(listener, Shared.around(new_connection), workers)
