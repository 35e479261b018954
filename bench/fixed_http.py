"""Both ends of the smallest HTTP talk wrk can hold: one fixed request, one fixed reply."""

from loadtests.engine.clients import Client

END = b"\r\n\r\n"
REPLY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13" + END + b"Hello, World!"
)
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1" + END


class FixedHttp:
    """The server's side. Looks for the end of requests only: nothing but the I/O is to cost."""

    lingers = False
    job = None

    def __init__(self):
        self.closed = False

    def receive(self, data):
        self.closed = not data
        return REPLY * data.count(END)


def client(seed, size, path):
    """The engine's side: checked byte for byte, which wrk does not do."""
    del seed, size, path
    return Client(((REQUEST, REPLY),))
