"""threads that change one byte in a million."""

from wrapped import Wrapped

from servers import threads


class Wrong(Wrapped):
    said = 0

    def receive(self, data):
        answer = super().receive(data)
        self.said += len(answer)
        if self.said > 1_000_000:
            self.said = 0
            return answer[:-1] + bytes([answer[-1] ^ 1])
        return answer


def serve(listener, new_connection, workers):
    threads.serve(listener, Wrong.around(new_connection), workers)
