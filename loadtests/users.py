"""Tokens: one Locust user per connection class. A token stands for all connections of its class.

It opens no socket and sends nothing: the load engine does. Its task returns at once and it parks in
its wait, the only place where Locust can stop a user without delay (`User.wait`). Tokens make
Locust's state "running", so that its web page, its charts and its CSV are alive while trials are
handed to the workers.
"""

from locust import User, constant, task

PARKED_S = 1e6  # seconds: longer than any run


class Token(User):  # type: ignore[misc] # locust's types are skipped, see pyproject.toml
    """What all tokens share. `fixed_count`: exactly one of each class, however many workers."""

    abstract = True
    fixed_count = 1
    wait_time = constant(PARKED_S)

    @task  # type: ignore[untyped-decorator]
    def stand(self) -> None:
        """Do nothing: the load engine carries the connections."""


class LongToken(Token):
    """Connections that stay open and speak all the time."""


class ShortToken(Token):
    """Connections that live for one request."""


class IdleToken(Token):
    """Connections that stay open and say nothing."""


TOKENS = {"long": LongToken, "short": ShortToken, "idle": IdleToken}
