"""threads that give every 50th answer twice."""

from itertools import count

from wrapped import Wrapped

from servers import threads

answers = count(1)


class Twice(Wrapped):
    def receive(self, data):
        answer = super().receive(data)
        return answer * 2 if answer and next(answers) % 50 == 0 else answer


def serve(listener, new_connection, workers):
    threads.serve(listener, Twice.around(new_connection), workers)
