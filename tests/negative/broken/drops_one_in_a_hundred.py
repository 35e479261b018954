"""threads that forget to answer one request in a hundred."""

from itertools import count

from wrapped import Wrapped

from servers import threads

requests = count(1)


class Forgetful(Wrapped):
    def receive(self, data):
        answer = super().receive(data)
        return b"" if data and next(requests) % 100 == 0 else answer


def serve(listener, new_connection, workers):
    threads.serve(listener, Forgetful.around(new_connection), workers)
