"""threads that lose the last byte of a long answer."""

from wrapped import Wrapped

from servers import threads


class Short(Wrapped):
    def receive(self, data):
        answer = super().receive(data)
        return answer[:-1] if len(answer) > 10_000 else answer


def serve(listener, new_connection, workers):
    threads.serve(listener, Short.around(new_connection), workers)
