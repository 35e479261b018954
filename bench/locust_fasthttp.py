"""The fastest user that Locust has for HTTP, as the documentation would have it; see locust_tcp."""

from locust import constant, task
from locust.contrib.fasthttp import FastHttpUser

import bench.locust_measured  # noqa: F401  # it listens


class HttpUser(FastHttpUser):
    wait_time = constant(0)

    @task
    def get(self):
        self.client.get("/")
