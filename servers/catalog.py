"""What there is to choose from: the servers and the protocols, as data.

Listing imports nothing: a module is imported when it is chosen. Standard library only, so that the
lab may read this. A new server or protocol is one file and one line here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Server:
    """One I/O model, and the facts about it that others must know without asking it.

    waits: the system calls in which it waits for several clients at once, as strace names them; a
    server that is seen to wait in another one is not what it is called. None: each wait is for one
    client. cannot: conformance checks that the design rules out, and why.
    """

    module: str  # dotted, imported when chosen; it has a serve()
    family: str  # blocking | polling | readiness | signal | completion | coroutine | framework
    waits: tuple[str, ...] = ()
    needs: str = ""  # a Python module or a kernel feature that may be missing here, see needs.py
    at_once: int = 0  # clients served at once by design; 0: no limit
    pool: bool = False  # as many workers as asked for, and one client at once for each
    descriptors_below: int = 0  # a client with this descriptor number is refused; 0: none is
    spins: bool = False  # asks again instead of waiting, so it uses CPU when there is nothing to do
    protocols: tuple[str, ...] = ()  # speaks these only; empty: all
    paths: tuple[str, ...] = ()  # of HTTP it has these only, see lab.served; empty: all
    cannot: Mapping[str, str] = field(default_factory=dict)

    def speaks(self, protocol: str) -> bool:
        return not self.protocols or protocol in self.protocols

    def clients(self, workers: int) -> int:
        """How many clients it serves at once with so many workers; 0: no limit."""
        return workers if self.pool else self.at_once


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


EPOLL = ("epoll_wait", "epoll_pwait", "epoll_pwait2")  # one call, as its library writes it
SELECT = ("select", "pselect6")
POLL = ("poll", "ppoll")
SIGNALS = ("rt_sigtimedwait",)
RING = ("io_uring_enter",)

DROPS = "the end of the client's side is the end of both to it: what it owes is dropped"
TORNADO_CANNOT = {"http-half-close-during-work": DROPS, "http-half-close-long-answer": DROPS}
UVICORN_CANNOT = {
    "half-close": DROPS,
    "half-close-unread": DROPS,
    "http-half-close-during-work": DROPS,
}
SANIC_CANNOT = {"http-half-close-during-work": DROPS}

SERVERS = {
    # one wait, one client
    "blocking": Server("servers.blocking", "blocking", at_once=1),
    "threads": Server("servers.threads", "blocking"),
    "processes": Server("servers.processes", "blocking"),
    "thread-pool": Server("servers.thread_pool", "blocking", pool=True),
    "process-pool": Server("servers.process_pool", "blocking", pool=True),
    "prefork": Server("servers.prefork", "blocking", pool=True),
    "prefork-reuseport": Server("servers.prefork_reuseport", "blocking", at_once=1),
    # no wait
    "nonblocking": Server("servers.nonblocking", "polling", spins=True),
    # one wait, all clients: "you may read"
    "select": Server("servers.select_loop", "readiness", SELECT, descriptors_below=1024),
    "poll": Server("servers.poll_loop", "readiness", POLL),
    "epoll": Server("servers.epoll_loop", "readiness", EPOLL),
    "epoll-edge": Server("servers.epoll_edge", "readiness", EPOLL),
    "selectors": Server("servers.selectors_callbacks", "readiness", EPOLL),
    "reactor-pool": Server("servers.reactor_pool", "readiness", EPOLL),
    "sigio": Server("servers.sigio", "signal", SIGNALS),
    # one wait, all clients: "I have read"
    "io-uring": Server("servers.io_uring_loop", "completion", RING, needs="io_uring"),
    # one wait, hidden: code that reads as if it blocked
    "generators": Server("servers.generator_scheduler", "coroutine", EPOLL),
    "greenlets": Server("servers.greenlet_hub", "coroutine", EPOLL, needs="greenlet"),
    "gevent": Server("servers.gevent_patched", "coroutine", EPOLL, needs="gevent"),
    "gevent-unpatched": Server("servers.gevent_unpatched", "coroutine", needs="gevent", at_once=1),
    "asyncio-streams": Server("servers.asyncio_streams", "coroutine", EPOLL),
    "asyncio-protocol": Server("servers.asyncio_protocol", "coroutine", EPOLL),
    "asyncio-sock": Server("servers.asyncio_sock", "coroutine", EPOLL),
    "uvloop": Server("servers.uvloop_protocol", "coroutine", EPOLL, needs="uvloop"),
    "tornado": Server(
        "servers.tornado_streams", "coroutine", EPOLL, needs="tornado", cannot=TORNADO_CANNOT
    ),
    "twisted": Server("servers.twisted_reactor", "coroutine", EPOLL, needs="twisted"),
    # all of it
    "processes-threads-coroutines": Server(
        "servers.processes_threads_coroutines", "hybrid", EPOLL, needs="gevent"
    ),
    # whole frameworks, for reference: they parse for themselves, so no claim compares their waiting
    "fastapi": Server(
        "servers.fastapi_app",
        "framework",
        EPOLL,
        "fastapi",
        protocols=("http",),
        cannot=UVICORN_CANNOT,
    ),
    "django": Server(
        "servers.django_app",
        "framework",
        EPOLL,
        "django",
        protocols=("http",),
        cannot=UVICORN_CANNOT,
    ),
    "sanic": Server(
        "servers.sanic_app",
        "framework",
        EPOLL,
        "sanic",
        protocols=("http",),
        cannot=SANIC_CANNOT,
    ),
}

PROTOCOLS = {
    "echo": Protocol("servers.protocols.echo:Echo", b"ready?", b"READY?"),
    "http": Protocol(
        "servers.protocols.http:Http",
        b"POST /echo HTTP/1.1\r\nHost: lab\r\nContent-Length: 6\r\n\r\nready?",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Length: 6\r\n\r\nREADY?",
    ),
    "websocket": Protocol(
        "servers.protocols.websocket:WebSocket",
        b"\x82\x86lab!\x1e\x04\x03E\x15^",  # final, binary, masked with b"lab!": ready?
        b"\x82\x06ready?",
        # the key and its answer are the example of RFC 6455, section 1.3
        hello=b"GET / HTTP/1.1\r\nHost: lab\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        welcome=b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    ),
}

ELSEWHERE = {  # models that the notes name and this kernel does not have
    "kqueue": "BSD and macOS have it; on Linux epoll is its counterpart",
    "iocp": "Windows has it; on Linux io_uring is its counterpart",
}
