"""What a backend is: it starts a server somewhere and hands back a target. It knows no experiment.

A target is one running server: where to connect, how to meter it, how to end it. Whatever a backend
starts carries the run's label, and only what carries it is ever removed.
"""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from lab import served
from lab.model import Network
from lab.record import Footprint, MeterReading
from lab.replies import Canonical, Malformed

Address = tuple[str, int]
VERIFY_S = 5.0  # seconds for one round trip; a server that needs more is not ready
READ = 65_536  # bytes; more than any answer of the catalog: what is too much is seen, too


class StartFailed(Exception):
    """A server did not come up: `code` is its exit code (None: it had to be killed)."""

    def __init__(self, why: str, code: int | None = None, *, port_taken: bool = False) -> None:
        super().__init__(why)
        self.code = code
        self.port_taken = port_taken


class WrongAnswer(Exception):
    """A server listens, but does not answer as its protocol must, byte by byte and in time."""


@dataclass(frozen=True, slots=True)
class StartOptions:
    """How to start a server. Everything is explicit, so that a record can hold it."""

    port: int = 0  # 0: the kernel chooses
    cpu: int | None = None  # None: not pinned
    workers: int = 4
    backlog: int = 1024
    nofile: int | None = None  # open-file limit; None: as far as allowed
    env: Mapping[str, str] = field(default_factory=dict)  # on top of the lab's own environment
    label: str = ""  # the run's id
    deadline: float = 10.0  # seconds until it must listen
    wrapper: tuple[str, ...] = ()  # what the server's command is handed to, such as strace
    network: Network = ""  # how it is reached; "": as the backend does where nothing is said
    io_uring: bool = False  # it runs where io_uring is allowed, if the backend can tell


@dataclass(frozen=True, slots=True)
class Exit:
    """How a server ended, and what it and all its children used."""

    exit_code: int | None  # None: it had to be killed; negative: a signal not ours
    counters: Mapping[str, int]  # what it printed, {"refused": 0}
    stderr: str
    cpu_ns: int  # user and system: the closure to hold the meter against
    user_ns: int
    system_ns: int
    escaped: int  # processes it left behind; they were killed, and their time is not in cpu_ns


class Meter(Protocol):
    """Raises lab.meter.Gone when the server has ended."""

    def read(self) -> MeterReading:
        """CPU counters at an instant; cheap enough for the edges of a window."""

    def glance(self) -> MeterReading:
        """As read(), in microseconds: for the edges of a window."""

    def footprint(self) -> Footprint:
        """Memory, threads, descriptors, kernel counters; slow, so outside the window."""

    def fds(self) -> int:
        """Open descriptors."""

    def sockets(self) -> int:
        """Sockets held, each once."""


class Target(Protocol):
    """One running server. `stop` and `kill` may be called again: the first call decides."""

    @property
    def address(self) -> Address:
        """Where to connect."""

    @property
    def pid(self) -> int:
        """The server's first process."""

    @property
    def meter(self) -> Meter:
        """Reads all its processes."""

    @property
    def exact(self) -> bool:
        """Its replies are compared byte by byte; False: by what they mean, see lab.replies."""

    def verify(self, protocol: str) -> None:
        """One round trip, byte-exact unless not `exact`: what "ready" means. Raises WrongAnswer."""

    def stop(self, timeout: float) -> Exit:
        """SIGTERM, and SIGKILL to what is left after the timeout. Nothing of it remains."""

    def kill(self) -> Exit:
        """SIGKILL at once, for when nobody wants its counters."""

    def pause(self) -> None:
        """Stop all its processes where they stand (SIGSTOP)."""

    def resume(self) -> None:
        """Undo pause()."""

    def alive(self) -> bool:
        """Still running, by its first process."""

    def logs(self) -> str:
        """What it has written to stderr so far."""


class Backend(Protocol):
    """Where servers run: processes here, containers, or hosts that somebody else looks after."""

    def start(self, server: str, protocol: str, options: StartOptions) -> Target:
        """Start and wait until it listens. Raises StartFailed."""


def verify(
    address: Address,
    protocol: str,
    timeout: float = VERIFY_S,
    *,
    exact: bool = True,
    path: str = "",
) -> None:
    """Hold one exchange of the catalog, byte by byte, and hang up. Raises WrongAnswer.

    path: of http, where it is not the catalog's.
    Returns when the server has hung up too: then it holds no descriptor of ours any more.
    """
    spoken = served.spoken(protocol, [path] if path else ())
    hear = _as_it_is if exact else Canonical().feed
    try:
        with socket.create_connection(address, timeout) as client:
            client.settimeout(timeout)
            _exchange(client, hear, spoken.hello, spoken.welcome)
            _exchange(client, hear, spoken.question, spoken.answer)
            client.shutdown(socket.SHUT_WR)
            _exchange(client, hear, b"", b"", more=1)
    except (OSError, Malformed) as error:
        raise WrongAnswer(f"{protocol} at {address[0]}:{address[1]}: {error}") from error


def _as_it_is(data: bytes) -> bytes:
    return data


def _exchange(
    client: socket.socket,
    hear: Callable[[bytes], bytes],
    question: bytes,
    answer: bytes,
    more: int = 0,
) -> None:
    """Send, and expect exactly the answer; with more=1, and then the end of the file."""
    if question:  # an empty send() fails too, once the sending side is shut
        client.sendall(question)
    found = b""
    while len(found) < len(answer) + more and (data := client.recv(READ)):
        found += hear(data)
    if found != answer:
        raise WrongAnswer(f"asked {question!r}, got {found!r}, not {answer!r}")
