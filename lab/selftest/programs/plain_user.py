"""A locustfile as Locust's documentation has it: one greenlet and one blocking socket per user.

Speaks the very bytes that the load engine and wrk send. Prints {"completed", "failed"} at its end.
Run by Locust only; the lab never imports it. LAB_PLAIN_SECONDS: for how long.
"""

import json
import os
import time
from typing import Any

import gevent
from gevent import socket
from locust import User, constant, events, task

REQUEST = b"GET /bytes/64 HTTP/1.1\r\nHost: lab\r\n\r\n"
BODY = b"x" * 64
RECEIVE = 65_536  # bytes


class PlainUser(User):  # type: ignore[misc]  # Locust is not looked into, see pyproject.toml
    wait_time = constant(0)

    def on_start(self) -> None:
        host, _, port = str(self.host).rpartition(":")
        self.socket = socket.create_connection((host, int(port)))

    @task  # type: ignore[untyped-decorator]
    def ask(self) -> None:
        began = time.perf_counter()
        exception: Exception | None = None
        try:
            self.socket.sendall(REQUEST)
            reply = self.socket.recv(RECEIVE)
            if not reply.endswith(BODY):
                exception = ValueError("a wrong reply")
        except OSError as error:
            exception = error
        self.environment.events.request.fire(
            request_type="tcp",
            name="bytes",
            response_time=(time.perf_counter() - began) * 1000,
            response_length=len(BODY),
            response=None,
            context={},
            exception=exception,
        )


def end(environment: Any) -> None:
    gevent.sleep(float(os.environ["LAB_PLAIN_SECONDS"]))
    total = environment.stats.total
    print(json.dumps({"completed": total.num_requests, "failed": total.num_failures}))
    environment.runner.quit()


@events.test_start.add_listener  # type: ignore[untyped-decorator]  # of the listener, not of ours
def on_test_start(environment: Any, **_: Any) -> None:
    gevent.spawn(end, environment)
