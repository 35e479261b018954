"""What there is to choose from: the servers and the protocols, as data.

Listing imports nothing: a module is imported when it is chosen. Standard library only, so that the
lab may read this. A new server or protocol is one file and one line here.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Server:
    """One I/O model, and the facts about it that others must know without asking it."""

    module: str  # dotted, imported when chosen; it has a serve()
    family: str  # blocking | readiness | completion | coroutine | framework
    needs: str = ""  # a module or kernel feature that may be missing here
    at_once: int = 0  # clients served at once by design; 0: no limit
    descriptors_below: int = 0  # a client with this descriptor number is refused; 0: none is
    spins: bool = False  # asks again instead of waiting, so it uses CPU when there is nothing to do


@dataclass(frozen=True, slots=True)
class Protocol:
    """What is spoken, and one exchange that shows a server speaks it, byte by byte.

    `hello` and `welcome` open a connection; `question` and `answer` may follow any number of times.
    """

    connection: str  # module:class, imported when chosen
    question: bytes
    answer: bytes
    hello: bytes = b""
    welcome: bytes = b""


SERVERS = {
    "blocking": Server("servers.blocking", "blocking", at_once=1),
    "threads": Server("servers.threads", "blocking"),
    "select": Server("servers.select_loop", "readiness", descriptors_below=1024),
    "poll": Server("servers.poll_loop", "readiness"),
    "epoll": Server("servers.epoll_loop", "readiness"),
}

PROTOCOLS = {
    "echo": Protocol("servers.protocols.echo:Echo", b"ready?", b"READY?"),
}
