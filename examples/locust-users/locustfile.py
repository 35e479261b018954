"""A locustfile as anybody would write it: nothing in it knows of the lab, which sets its host."""

from locust import FastHttpUser, HttpUser, between, task

PAYLOAD = b"x" * 64


class Asker(HttpUser):
    """Locust's usual HTTP user, on the library requests."""

    wait_time = between(0.01, 0.03)  # users that all pause alike stay in step

    @task
    def ask(self) -> None:
        with self.client.post("/echo", data=PAYLOAD, catch_response=True) as answer:
            if answer.content != PAYLOAD.upper():
                answer.failure("another body")


class FastAsker(FastHttpUser):
    """The quicker one, on geventhttpclient."""

    wait_time = between(0.01, 0.03)  # users that all pause alike stay in step

    @task
    def ask(self) -> None:
        with self.client.post("/echo", data=PAYLOAD, catch_response=True) as answer:
            if answer.content != PAYLOAD.upper():
                answer.failure("another body")
