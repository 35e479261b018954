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


class SlowSenderToken(Token):
    """Connections that send their requests in pieces."""


class SlowReaderToken(Token):
    """Connections that read their replies in pieces."""


class NeverFinishingToken(Token):
    """Connections that begin a request, and no more."""


class ChurnToken(Token):
    """Connections that say nothing and are replaced all the time."""


class StormToken(Token):
    """Connections that come all at one instant."""


class VictimToken(Token):
    """Connections that ask at a fixed rate, while the others attack."""


TOKENS: dict[str, type[Token]] = {
    "long": LongToken,
    "short": ShortToken,
    "idle": IdleToken,
    "slow-sender": SlowSenderToken,
    "slow-reader": SlowReaderToken,
    "never-finishing": NeverFinishingToken,
    "churn": ChurnToken,
    "storm": StormToken,
    "victim": VictimToken,
}
