"""threads whose HTTP does not say how long an empty body is."""

from wrapped import Wrapped

from servers import threads


class Terse(Wrapped):
    def receive(self, data):
        return super().receive(data).replace(b"Content-Length: 0\r\n", b"")


def serve(listener, new_connection, workers):
    threads.serve(listener, Terse.around(new_connection), workers)
