"""A plain Locust TCP user, as the documentation would have it: one greenlet per connection.

Never part of the lab.
"""

import time

from gevent import socket
from locust import User, constant, task

import bench.locust_measured  # noqa: F401  # it listens

REQUEST = b"a" * 64
REPLY = REQUEST.upper()


class TcpUser(User):
    wait_time = constant(0)

    def on_start(self):
        host, _, port = self.host.partition(":")
        self.socket = socket.create_connection((host, int(port)))

    @task
    def echo(self):
        """After "Testing other systems" of Locust's documentation, with its fields."""
        request_meta = {
            "request_type": "tcp",
            "name": "echo",
            "start_time": time.time(),
            "response_length": 0,
            "response": None,
            "context": {},
            "exception": None,
        }
        began = time.perf_counter()
        try:
            self.socket.sendall(REQUEST)
            request_meta["response"] = self.socket.recv(65536)
            request_meta["response_length"] = len(request_meta["response"])
            if request_meta["response"] != REPLY:
                request_meta["exception"] = ValueError("wrong reply")
        except OSError as error:
            request_meta["exception"] = error
        request_meta["response_time"] = (time.perf_counter() - began) * 1000
        self.environment.events.request.fire(**request_meta)
