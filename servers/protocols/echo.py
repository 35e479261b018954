"""The smallest talk: every byte comes back, letters in upper case, as in the notes' own servers."""

from servers.core.contract import Job


class Echo:
    """Stateless but for the end: no framing, so any split of the bytes gives the same answer."""

    __slots__ = ("closed",)
    lingers = False
    job: Job | None = None

    def __init__(self, *, offloads: bool = False) -> None:
        del offloads  # there is nothing to wait for
        self.closed = False

    def receive(self, data: bytes) -> bytes:
        if not data:
            self.closed = True
        return data.upper()
