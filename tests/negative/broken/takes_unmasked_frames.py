"""threads whose WebSocket takes frames without a mask, as no server may."""

from wrapped import Wrapped

from servers import threads

NO_MASK = bytes(4)


class Lax(Wrapped):
    opened = False

    def receive(self, data):
        if self.opened and len(data) > 1 and data[1] < 126:  # short, and the mask bit is not set
            data = data[:1] + bytes([data[1] | 128]) + NO_MASK + data[2:]
        self.opened = True
        return super().receive(data)


def serve(listener, new_connection, workers):
    threads.serve(listener, Lax.around(new_connection), workers)
